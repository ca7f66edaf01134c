//! A bank. Accounts, transfers and statements over SOAP; amounts are exact decimals with two places.
//!
//! An account is one key that holds the balance and counts the entries of its statement; an entry is a key of its own that
//! is written once. So a transfer reads and writes two keys however long the statements are, and it shares no key with a
//! transfer between other accounts. Everything a transfer changes is one commit: after a crash it has happened or it has
//! not.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic"))]

use guesthouse_sdk::soap::{DateTime, Decimal, SoapFault, XmlValue};
use guesthouse_sdk::store::{self, Store};
use guesthouse_sdk::transaction::{self, Transaction};
use guesthouse_sdk::{clock, random};
use serde::{Deserialize, Serialize};

/// How many entries one answer of `ListTransactions` holds.
const ENTRIES_MAX: u64 = 200;
/// How long an owner's name may be, in characters.
const OWNER_CHARACTERS_MAX: usize = 100;
/// How many numbers are tried for a new account. With a thousand million accounts, one in a thousand is taken.
const NUMBER_ATTEMPTS_MAX: u32 = 8;

struct Bank;

/// What is kept of an account.
#[derive(Serialize, Deserialize)]
struct Account {
    owner: String,
    balance: Decimal,
    /// How many entries the statement has.
    entries: u64,
}

/// What happened to an account.
#[derive(Serialize, Deserialize, XmlValue)]
enum Kind {
    /// The account was opened with this amount.
    Opening,
    /// The amount went to another account.
    Sent,
    /// The amount came from another account.
    Received,
}

/// An entry of an account's statement.
#[derive(Serialize, Deserialize, XmlValue)]
#[xml(name = "Transaction")]
struct Entry {
    /// Counts from 1 in each account.
    number: u64,
    time: DateTime,
    kind: Kind,
    /// The amount moved, always over nought but for an opening with nothing.
    amount: Decimal,
    /// The other account of a transfer.
    counterparty: Option<String>,
    /// The balance after it.
    balance: Decimal,
}

#[derive(SoapFault)]
enum BankFault {
    /// The account holds less than the amount. Nothing was moved.
    #[fault(reason = "account {account} holds {balance}, which is less than {amount}")]
    InsufficientFunds { account: String, balance: Decimal, amount: Decimal },
    /// There is no such account.
    #[fault(reason = "there is no account {account}")]
    UnknownAccount { account: String },
    /// The amount cannot be moved.
    #[fault(reason = "the amount {amount} {rule}")]
    InvalidAmount { amount: Decimal, rule: String },
    /// The owner's name is empty or too long.
    #[fault(reason = "the owner's name has 1 to 100 characters")]
    InvalidOwner,
    /// Both accounts of a transfer are the same.
    #[fault(reason = "both accounts of the transfer are {account}")]
    SameAccount { account: String },
    #[fault(transparent)]
    Store(store::Error),
}

/// Accounts, and transfers that happen whole or not at all.
#[guesthouse_sdk::soap(namespace = "urn:guesthouse:bank", service = "Bank")]
impl Bank {
    /// Opens an account and gives its number.
    #[operation(returns = "account")]
    fn open_account(owner: String, opening_balance: Decimal) -> Result<String, BankFault> {
        if owner.trim().is_empty() || owner.chars().count() > OWNER_CHARACTERS_MAX {
            return Err(BankFault::InvalidOwner);
        }
        let balance = money(opening_balance)?;
        if balance.is_negative() {
            return Err(invalid(opening_balance, "is under nought"));
        }
        transaction::run(&Store::open("default")?, |t| {
            let number = new_number(t)?;
            let mut account = Account { owner: owner.clone(), balance, entries: 0 };
            record(t, &number, &mut account, (Kind::Opening, balance, None))?;
            Ok(number)
        })
    }

    /// Gives the balance of an account.
    #[operation(returns = "balance")]
    fn get_balance(account: String) -> Result<Decimal, BankFault> {
        Ok(read(&mut Transaction::begin(&Store::open("default")?), &account)?.balance)
    }

    /// Moves an amount from one account to another, and gives the balance left in the first.
    #[operation(returns = "balance")]
    fn transfer(from: String, to: String, amount: Decimal) -> Result<Decimal, BankFault> {
        let sum = money(amount)?;
        if !sum.is_positive() {
            return Err(invalid(amount, "is not over nought"));
        }
        if from == to {
            return Err(BankFault::SameAccount { account: from });
        }
        transaction::run(&Store::open("default")?, |t| {
            let (mut sender, mut receiver) = (read(t, &from)?, read(t, &to)?);
            let left = sender.balance.checked_sub(sum).filter(|left| !left.is_negative());
            let (account, balance) = (from.clone(), sender.balance);
            sender.balance = left.ok_or(BankFault::InsufficientFunds { account, balance, amount })?;
            receiver.balance =
                receiver.balance.checked_add(sum).ok_or_else(|| invalid(amount, "is too large"))?;
            record(t, &from, &mut sender, (Kind::Sent, sum, Some(&to)))?;
            record(t, &to, &mut receiver, (Kind::Received, sum, Some(&from)))?;
            Ok(sender.balance)
        })
    }

    /// Lists the newest entries of an account's statement, at most 200, the oldest of them first. For older ones, ask again
    /// with the lowest number seen as `before`.
    #[operation(returns = "transaction")]
    fn list_transactions(account: String, before: Option<u64>) -> Result<Vec<Entry>, BankFault> {
        let store = Store::open("default")?;
        let entries = read(&mut Transaction::begin(&store), &account)?.entries;
        let last = before.map_or(entries, |before| before.saturating_sub(1).min(entries));
        let first = last.saturating_sub(ENTRIES_MAX).saturating_add(1);
        let entry = |number| store.get_json(&entry_key(&account, number)).transpose();
        Ok((first..=last).filter_map(entry).collect::<Result<_, _>>()?)
    }
}

fn invalid(amount: Decimal, rule: &str) -> BankFault {
    BankFault::InvalidAmount { amount, rule: rule.to_owned() }
}

/// An amount with exactly two places.
fn money(amount: Decimal) -> Result<Decimal, BankFault> {
    amount.with_scale(2).ok_or_else(|| invalid(amount, "has more than two places behind the point"))
}

/// The key of an account. What is no account number, twelve digits, cannot become a key.
fn account_key(number: &str) -> Result<String, BankFault> {
    match number.len() == 12 && number.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(format!("account/{number}")),
        false => Err(BankFault::UnknownAccount { account: number.to_owned() }),
    }
}

fn entry_key(account: &str, number: u64) -> String {
    format!("entry/{account}/{number}")
}

/// A number that no account has. It is random, because a counter would make all openings wait for each other.
fn new_number(t: &mut Transaction<'_>) -> Result<String, BankFault> {
    for _ in 0..NUMBER_ATTEMPTS_MAX {
        let number = format!("{:012}", random::number() % 1_000_000_000_000);
        if !t.exists(&account_key(&number)?)? {
            return Ok(number);
        }
    }
    Err(store::Error::Conflict.into())
}

fn read(t: &mut Transaction<'_>, number: &str) -> Result<Account, BankFault> {
    let found = t.get_json(&account_key(number)?)?;
    found.ok_or_else(|| BankFault::UnknownAccount { account: number.to_owned() })
}

/// Writes an account and the next entry of its statement.
fn record(
    t: &mut Transaction<'_>,
    number: &str,
    account: &mut Account,
    (kind, amount, counterparty): (Kind, Decimal, Option<&str>),
) -> Result<(), BankFault> {
    account.entries = account.entries.saturating_add(1);
    let time = DateTime::from_unix_ms(clock::now_unix_ms());
    let counterparty = counterparty.map(str::to_owned);
    let entry = Entry { number: account.entries, time, kind, amount, counterparty, balance: account.balance };
    t.put_json(&entry_key(number, account.entries), &entry)?;
    Ok(t.put_json(&account_key(number)?, account)?)
}

#[cfg(test)]
mod tests;
