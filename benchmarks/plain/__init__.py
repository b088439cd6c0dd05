"""What a team would write by hand: rows as JSON in a Django model, served by Django REST framework."""
