//! The bank against the SDK's own store in memory.

use guesthouse_sdk::soap::{Call, Element, Fault, Handler, QualifiedName, Reply, Version};

use super::Bank;

fn call(operation: &str, arguments: &str) -> Result<Element, Fault> {
    let body = format!("<b:{operation} xmlns:b='urn:guesthouse:bank'>{arguments}</b:{operation}>");
    let reply = Bank::handle(Call {
        version: Version::Soap12,
        action: None,
        operation: QualifiedName::new("urn:guesthouse:bank", operation),
        headers: Vec::new(),
        body,
        attachments: Vec::new(),
    });
    reply.map(|Reply { body, .. }| Element::parse(&body.unwrap()).unwrap())
}

fn open(owner: &str, balance: &str) -> String {
    let arguments = format!("<b:owner>{owner}</b:owner><b:openingBalance>{balance}</b:openingBalance>");
    call("OpenAccount", &arguments).unwrap().child("account").unwrap().text.clone()
}

fn transfer(from: &str, to: &str, amount: &str) -> Result<String, String> {
    let arguments = format!("<b:from>{from}</b:from><b:to>{to}</b:to><b:amount>{amount}</b:amount>");
    match call("Transfer", &arguments) {
        Ok(element) => Ok(element.child("balance").unwrap().text.clone()),
        Err(fault) => Err(fault.subcodes.first().unwrap().name.clone()),
    }
}

fn balance(account: &str) -> String {
    let reply = call("GetBalance", &format!("<b:account>{account}</b:account>")).unwrap();
    reply.child("balance").unwrap().text.clone()
}

#[test]
fn a_transfer_moves_the_amount_and_stands_in_both_statements() {
    let (ada, bob) = (open("Ada", "100"), open("Bob", "0.5"));
    assert_eq!(transfer(&ada, &bob, "30.25").as_deref(), Ok("69.75"));
    assert_eq!((balance(&ada).as_str(), balance(&bob).as_str()), ("69.75", "30.75"));
    let statement = call("ListTransactions", &format!("<b:account>{bob}</b:account>")).unwrap();
    let [opening, received] = statement.children.as_slice() else { panic!("{statement:?}") };
    assert_eq!(opening.child("kind").unwrap().text, "Opening");
    assert_eq!(opening.child("amount").unwrap().text, "0.50");
    assert_eq!(received.child("counterparty").unwrap().text, ada);
    assert_eq!(received.child("balance").unwrap().text, "30.75");
    assert_eq!(received.child("time").unwrap().text, "2026-01-01T00:00:00.000Z");
    let older = format!("<b:account>{bob}</b:account><b:before>2</b:before>");
    assert_eq!(call("ListTransactions", &older).unwrap().children.len(), 1);
}

#[test]
fn what_cannot_be_moved_is_a_fault_and_moves_nothing() {
    let (ada, bob) = (open("Ada", "10.00"), open("Bob", "0"));
    for (from, to, amount, fault) in [
        (ada.as_str(), bob.as_str(), "10.01", "InsufficientFunds"),
        (&ada, &bob, "0", "InvalidAmount"),
        (&ada, &bob, "-1", "InvalidAmount"),
        (&ada, &bob, "1.001", "InvalidAmount"),
        (&ada, &bob, "99999999999999999999999999999999999999", "InvalidAmount"),
        (&ada, &ada, "1", "SameAccount"),
        (&ada, "000000000000", "1", "UnknownAccount"),
        (&ada, "../x", "1", "UnknownAccount"),
        ("", &bob, "1", "UnknownAccount"),
    ] {
        assert_eq!(transfer(from, to, amount), Err(fault.to_owned()), "{from} {to} {amount}");
    }
    assert_eq!((balance(&ada).as_str(), balance(&bob).as_str()), ("10.00", "0.00"));
}

#[test]
fn a_fault_carries_its_figures_for_programs_and_for_people() {
    let (ada, bob) = (open("Ada", "1"), open("Bob", "0"));
    let arguments = format!("<b:from>{ada}</b:from><b:to>{bob}</b:to><b:amount>2.5</b:amount>");
    let fault = call("Transfer", &arguments).unwrap_err();
    let detail = Element::parse(&fault.detail.clone().unwrap()).unwrap();
    assert!(detail.is("urn:guesthouse:bank", "InsufficientFunds"));
    assert_eq!(detail.child("balance").unwrap().text, "1.00");
    assert_eq!(detail.child("amount").unwrap().text, "2.5");
    let reason = format!("account {ada} holds 1.00, which is less than 2.5");
    assert_eq!(fault.reasons, [("en".to_owned(), reason)]);
}

#[test]
fn an_account_needs_an_owner_and_no_debt_to_begin_with() {
    for (owner, balance, fault) in [
        (" ", "1", "InvalidOwner"),
        (&"x".repeat(101), "1", "InvalidOwner"),
        ("Ada", "-0.01", "InvalidAmount"),
        ("Ada", "0.001", "InvalidAmount"),
    ] {
        let arguments = format!("<b:owner>{owner}</b:owner><b:openingBalance>{balance}</b:openingBalance>");
        let refused = call("OpenAccount", &arguments).unwrap_err();
        assert_eq!(refused.subcodes.first().unwrap().name, fault);
    }
}
