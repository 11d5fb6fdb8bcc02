"""python -m audience_mock"""

from audience_mock.cli.main import main

if __name__ == "__main__":
    main()
