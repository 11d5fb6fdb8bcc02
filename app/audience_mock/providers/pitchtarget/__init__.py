"""PitchTarget's Audience API of 2014, over Facebook's custom audiences."""
