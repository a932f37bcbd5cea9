"""The core of Quintet: the nouns that live, fail or wait by themselves."""
