"""The past of a Table: its versions, what differs between two, which of them stay, and whether they are sound."""
