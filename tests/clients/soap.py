"""SOAP with zeep, against `bank`: everything it knows is from the WSDL."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import zeep
from zeep.exceptions import Fault

import checks

BANK = "{urn:guesthouse:bank}"


def services(url):
    """The service in both versions of SOAP."""
    client = zeep.Client(f"{url}/bank?wsdl")
    (service,) = client.wsdl.services.values()
    assert len(service.ports) == 2, service.ports
    versions = {type(port.binding).__name__ for port in service.ports.values()}
    assert versions == {"Soap11Binding", "Soap12Binding"}, versions
    return [client.bind(service.name, port) for port in service.ports]


def accounts_and_transfers(url):
    for bank in services(url):
        ada = bank.OpenAccount(owner="Ada Lövelace <&>", openingBalance="100.00")
        bob = bank.OpenAccount("Bob", Decimal("0"))
        assert ada != bob
        assert bank.GetBalance(ada) == Decimal("100.00")
        assert bank.Transfer(ada, bob, "30.25") == Decimal("69.75")
        assert (bank.GetBalance(ada), bank.GetBalance(bob)) == (Decimal("69.75"), Decimal("30.25"))
        assert bank.Transfer(**{"from": bob, "to": ada, "amount": "30.25"}) == 0
        assert (bank.GetBalance(ada), bank.GetBalance(bob)) == (Decimal(100), Decimal(0))


def faults(url):
    for bank in services(url):
        ada, bob = bank.OpenAccount("Ada", "10.00"), bank.OpenAccount("Bob", "0")
        for call, name, detail in (
            (lambda: bank.Transfer(ada, bob, "10.01"), "InsufficientFunds", {"account": ada, "amount": "10.01"}),
            (lambda: bank.Transfer(ada, "000", "1"), "UnknownAccount", {"account": "000"}),
            (lambda: bank.Transfer("000", ada, "1"), "UnknownAccount", {"account": "000"}),
            (lambda: bank.GetBalance("000"), "UnknownAccount", {"account": "000"}),
            (lambda: bank.GetBalance("no number"), "UnknownAccount", {"account": "no number"}),
            (lambda: bank.ListTransactions("000"), "UnknownAccount", {"account": "000"}),
            (lambda: bank.Transfer(ada, ada, "1"), "SameAccount", {"account": ada}),
            (lambda: bank.Transfer(ada, bob, "0"), "InvalidAmount", {"amount": "0"}),
            (lambda: bank.Transfer(ada, bob, "-1"), "InvalidAmount", {"amount": "-1"}),
            (lambda: bank.Transfer(ada, bob, "0.001"), "InvalidAmount", {"amount": "0.001"}),
            (lambda: bank.OpenAccount("Eve", "-0.01"), "InvalidAmount", {"amount": "-0.01"}),
            (lambda: bank.OpenAccount(" ", "1"), "InvalidOwner", {}),
            (lambda: bank.OpenAccount("x" * 101, "1"), "InvalidOwner", {}),
        ):
            fault = checks.fails(Fault, call)
            assert fault.code.endswith(("Client", "Sender")) and fault.message, (fault.code, fault.message)
            element = fault.detail[0]
            assert element.tag == BANK + name, element.tag
            for field, expected in detail.items():
                found = element.findtext(BANK + field)
                assert found == expected or Decimal(found) == Decimal(expected), (name, field, found, expected)
            if fault.subcodes:
                assert [subcode.localname for subcode in fault.subcodes] == [name], fault.subcodes
        # None of them has moved anything.
        assert (bank.GetBalance(ada), bank.GetBalance(bob)) == (10, 0)


def statements(url):
    bank = services(url)[0]
    ada, bob = bank.OpenAccount("Ada", "1000"), bank.OpenAccount("Bob", "0")
    for number in range(205):
        bank.Transfer(ada, bob, "0.01")
    newest = bank.ListTransactions(bob)
    assert [entry.number for entry in newest] == list(range(7, 207)), [entry.number for entry in newest]
    last = newest[-1]
    assert (last.kind, last.amount, last.counterparty, last.balance) == ("Received", Decimal("0.01"), ada, Decimal("2.05"))
    oldest = bank.ListTransactions(bob, newest[0].number)
    assert [entry.number for entry in oldest] == list(range(1, 7))
    first = oldest[0]
    assert (first.kind, first.amount, first.counterparty) == ("Opening", 0, None), first
    assert all(one.time <= other.time for one, other in zip(oldest, oldest[1:] + newest))
    sent = bank.ListTransactions(ada)[-1]
    assert (sent.kind, sent.counterparty, sent.balance) == ("Sent", bob, Decimal("997.95")), sent


def decimals(url):
    bank = services(url)[1]
    # Ten times 0.1 is not 1 in binary, and 2**53 + 0.01 is not there at all.
    ada, bob = bank.OpenAccount("Ada", "1.00"), bank.OpenAccount("Bob", "9007199254740993.01")
    for _ in range(10):
        bank.Transfer(ada, bob, "0.10")
    assert bank.GetBalance(ada) == 0
    assert bank.GetBalance(bob) == Decimal("9007199254740994.01")
    for text in (" 1.50 ", "+1.5", "001.50", "1.5000"):
        account = bank.OpenAccount("Ada", "10")
        assert bank.Transfer(account, bob, text.strip()) == Decimal("8.50"), text


def at_once(url):
    bank = services(url)[0]
    accounts = [bank.OpenAccount(f"owner {number}", "100") for number in range(4)]

    def transfer(number):
        # A client each: zeep's is not made for threads.
        mine = services(url)[number % 2]
        for step in range(10):
            source, target = accounts[(number + step) % 4], accounts[(number + 2 * step + 1) % 4]
            try:
                mine.Transfer(source, target, "7.77")
            except Fault as fault:
                assert fault.detail[0].tag in (BANK + "SameAccount", BANK + "InsufficientFunds"), fault.message

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(transfer, range(8)))
    balances = [bank.GetBalance(account) for account in accounts]
    assert sum(balances) == 400 and min(balances) >= 0, balances


if __name__ == "__main__":
    checks.run(__name__)
