"""The style wing: a picture painted again in the manner of others, by optimising its pixels."""
