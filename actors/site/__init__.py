"""The rules of a chat site: who sees and hears whom, names, lists of people, messages, cameras.

Pure: a `Site` is changed by plain function calls, which answer with the notices to send.
"""
