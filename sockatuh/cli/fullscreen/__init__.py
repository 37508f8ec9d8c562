"""The full screen: header, log, people, a row of hints and the input, on the terminal's alternate screen."""
