"""Pixels as PitchTarget writes them."""

from typing import Any

from audience_mock.core.store.rows import PixelRow

REMARKETING_PIXEL = {"js": "remarketing pixel code here"}
"""The documentation shows this text in the code's place."""

# Facebook's code, as published; it contains the pixel's value as 0.01 GBP.
_CODE = """\
<!-- Facebook Conversion Code for {name} -->
<script type="text/javascript">
var fb_param = {{}};
fb_param.pixel_id = '{id}';
fb_param.value = '0.01';
fb_param.currency = 'GBP';
(function(){{
  var fpw = document.createElement('script');
  fpw.async = true;
  fpw.src = '//connect.facebook.net/en_US/fp.js';
  var ref = document.getElementsByTagName('script')[0];
  ref.parentNode.insertBefore(fpw, ref);
}})();
</script>
<noscript><img height="1" width="1" alt="" style="display:none" \
src="https://www.facebook.com/offsite_event.php?id={id}&amp;value=0.01&amp;currency=GBP" /></noscript>"""


def offsite_pixel(pixel: PixelRow) -> dict[str, Any]:
    return {
        "id": pixel.facebook_id,
        "name": pixel.name,
        "tag": pixel.tag,
        # Published; a pixel is active once it was fired, and nothing fires it here.
        "status": "Inactive",
        "creator": pixel.creator,
        "js_pixel": _CODE.format(id=pixel.facebook_id, name=pixel.name),
    }
