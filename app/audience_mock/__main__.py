"""python -m audience_mock"""

from audience_mock.cli import main

if __name__ == "__main__":
    main()
