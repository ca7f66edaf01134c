"""suds calls the bank from its WSDL, in SOAP 1.1, the version it has. Prints a line for each case that went well."""

import sys

import suds
from suds.client import Client

bank = Client(f"{sys.argv[1]}?wsdl", cache=None)
bank.set_options(port="BankSoap11")
ada, bob = bank.service.OpenAccount("Ada & Söhne", "100"), bank.service.OpenAccount("Bob", "0")
assert str(bank.service.Transfer(ada, bob, "30.25")) == "69.75"
assert str(bank.service.GetBalance(bob)) == "30.25"
print("1.1: calls")
entries = bank.service.ListTransactions(bob)
assert [str(entry.kind) for entry in entries] == ["Opening", "Received"], entries
print("1.1: structures and dates")
for name, call in (
    ("InsufficientFunds", lambda: bank.service.Transfer(bob, ada, "1000")),
    ("UnknownAccount", lambda: bank.service.GetBalance("000000000000")),
):
    try:
        call()
    except suds.WebFault as fault:
        assert hasattr(fault.fault.detail, name), fault.fault
        assert fault.fault.faultcode.endswith(":Client"), fault.fault
        print(f"1.1: {name}")
