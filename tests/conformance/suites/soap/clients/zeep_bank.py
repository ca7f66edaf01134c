"""zeep calls the bank from its WSDL. Prints a line for each case that went well."""

import decimal
import sys

import zeep
from zeep.wsa import WsAddressingPlugin

url = sys.argv[1]
for version, port in (("1.1", "BankSoap11"), ("1.2", "BankSoap12")):
    for title, plugins in ((version, []), (f"{version} with addressing", [WsAddressingPlugin()])):
        client = zeep.Client(f"{url}?wsdl", plugins=plugins)
        bank = client.bind("Bank", port)
        ada, bob = bank.OpenAccount("Ada & Söhne", "100"), bank.OpenAccount("Bob", "0")
        assert bank.Transfer(ada, bob, "30.25") == decimal.Decimal("69.75")
        assert bank.GetBalance(bob) == decimal.Decimal("30.25")
        print(f"{title}: calls")
        entries = bank.ListTransactions(bob)
        assert [(entry.kind, entry.amount) for entry in entries] == [("Opening", 0), ("Received", decimal.Decimal("30.25"))], entries
        assert entries[1].counterparty == ada and entries[1].time.tzinfo is not None
        print(f"{title}: structures and dates")
        for name, call in (
            ("InsufficientFunds", lambda: bank.Transfer(bob, ada, "1000")),
            ("UnknownAccount", lambda: bank.GetBalance("000000000000")),
        ):
            try:
                call()
            except zeep.exceptions.Fault as fault:
                assert fault.detail[0].tag == f"{{urn:guesthouse:bank}}{name}", fault.detail
                assert fault.code.endswith("Client" if version == "1.1" else "Sender"), fault.code
                if version == "1.2":
                    assert [code.localname for code in fault.subcodes] == [name], fault.subcodes
                print(f"{title}: {name}")
