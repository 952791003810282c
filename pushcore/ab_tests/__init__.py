"""A/B tests of audience pushes: variants go to shares of the audience, and the winner to the rest of it."""
