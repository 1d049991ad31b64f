"""The MMM F1 metric: parser, scorer and intervals, on the standard library and numpy alone.

``evaluate.load`` uses the module ``mmm_f1.py`` of this folder; everything else imports this package.
"""
