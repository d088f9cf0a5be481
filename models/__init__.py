"""Room `models`: text to numbers.

Importing it is cheap: torch and transformers come in when a classifier is loaded or trained.
"""

from models.classifier import TextClassifier, load_classifier

__all__ = ["TextClassifier", "load_classifier"]
