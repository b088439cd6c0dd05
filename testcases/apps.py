from django.apps import AppConfig


class TestCasesConfig(AppConfig):
    name = "testcases"
