//! The bank, whose host is killed in the middle of its transfers: no money comes or goes, and what was acknowledged stays.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::random::Random;
use crate::support::{Host, http, until};

const ROUNDS: usize = 20;
const TRANSFERS: usize = 200;
const ACCOUNTS: usize = 40;
/// Of each account, in cents.
const OPENING: u64 = 100_000_000;

/// A SOAP 1.1 call of the bank.
fn envelope(operation: &str, content: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><{operation} \
         xmlns=\"urn:guesthouse:bank\">{content}</{operation}></s:Body></s:Envelope>"
    )
}

fn call_bytes(address: SocketAddr, operation: &str, content: &str) -> Vec<u8> {
    let action = format!("\"urn:guesthouse:bank/{operation}\"");
    let headers =
        [("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", &action), ("Connection", "close")];
    http::request(address, "POST", "/bank", &headers, envelope(operation, content).as_bytes())
}

#[track_caller]
fn call(host: &Host, operation: &str, content: &str) -> String {
    let action = format!("\"urn:guesthouse:bank/{operation}\"");
    let headers = [("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", action.as_str())];
    let answer = host.request("POST", "/bank", &headers, envelope(operation, content).as_bytes());
    assert_eq!(answer.status, 200, "{operation}: {answer:?}");
    answer.text().to_owned()
}

/// The texts of all elements of this name.
fn texts<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    xml.split(&format!("<{name}>")).skip(1).map(|rest| rest.split_once('<').expect("an end tag").0).collect()
}

/// `12.3`, `12.30` and `12` as cents.
fn cents(text: &str) -> u64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = format!("{part:0<2}");
    whole.parse::<u64>().expect("an amount") * 100 + part.parse::<u64>().expect("an amount")
}

fn decimal(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

#[track_caller]
fn balance(host: &Host, account: &str) -> u64 {
    let answer = call(host, "GetBalance", &format!("<account>{account}</account>"));
    cents(texts(&answer, "balance").first().expect("a balance"))
}

/// One entry of a statement: its kind, amount and the other account.
type Entry = (String, u64, String);

#[track_caller]
fn statement(host: &Host, account: &str) -> Vec<Entry> {
    let answer = call(host, "ListTransactions", &format!("<account>{account}</account>"));
    let entries: Vec<Entry> = answer
        .split("<transaction>")
        .skip(1)
        .map(|entry| {
            let one = |name: &str| texts(entry, name).first().copied().unwrap_or_default();
            (one("kind").to_owned(), cents(one("amount")), one("counterparty").to_owned())
        })
        .collect();
    assert!(!entries.is_empty(), "{answer}");
    entries
}

/// Sends a transfer and says whether it was acknowledged. The host may be killed at any moment of it.
#[expect(clippy::disallowed_methods, reason = "a test is a client")]
fn transfer(address: SocketAddr, from: &str, to: &str, amount: u64) -> Option<bool> {
    let content = format!("<from>{from}</from><to>{to}</to><amount>{}</amount>", decimal(amount));
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    stream.write_all(&call_bytes(address, "Transfer", &content)).ok()?;
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    if ended.is_err() && !body.ends_with("Envelope>") {
        return None;
    }
    let acknowledged = head.starts_with("HTTP/1.1 200") && body.ends_with("Envelope>");
    if !acknowledged && !body.is_empty() && body.ends_with("Envelope>") {
        return Some(false);
    }
    acknowledged.then_some(true)
}

#[test]
fn killed_in_the_middle_of_transfers_no_money_comes_or_goes_and_none_acknowledged_is_lost() {
    let mut host = Host::builder().plugin("bank").configuration("access-log = \"off\"").start();
    let accounts: Vec<String> = (0..ACCOUNTS)
        .map(|number| {
            let content =
                format!("<owner>Owner {number}</owner><openingBalance>{}</openingBalance>", decimal(OPENING));
            let answer = call(&host, "OpenAccount", &content);
            texts(&answer, "account").first().expect("an account").to_string()
        })
        .collect();
    let mut expected: BTreeMap<&str, i64> = accounts.iter().map(|account| (account.as_str(), 0)).collect();
    let mut random = Random::new(2_026);
    let (mut acknowledged_in_all, mut made_in_all, mut refused_in_all) = (0, 0, 0);
    for round in 0..ROUNDS {
        // Each amount occurs once in the whole test, so it names its transfer.
        let plan: Vec<(usize, usize, u64)> = (0..TRANSFERS)
            .map(|number| {
                let from = random.below(ACCOUNTS);
                let to = (from + 1 + random.below(ACCOUNTS - 1)) % ACCOUNTS;
                (from, to, u64::try_from(round * TRANSFERS + number + 1).expect("64 bits"))
            })
            .collect();
        let acknowledged = AtomicUsize::new(0);
        // From one of the first acknowledgements to the last but a few.
        let kill_after = 1 + random.below(TRANSFERS - 20);
        let address = host.address();
        let outcomes: Vec<Option<bool>> = std::thread::scope(|scope| {
            let clients: Vec<_> = plan
                .iter()
                .map(|&(from, to, amount)| {
                    let (from, to, acknowledged) = (&accounts[from], &accounts[to], &acknowledged);
                    scope.spawn(move || {
                        let outcome = transfer(address, from, to, amount);
                        acknowledged.fetch_add(usize::from(outcome == Some(true)), Ordering::Relaxed);
                        outcome
                    })
                })
                .collect();
            until("acknowledgements", || {
                let enough = acknowledged.load(Ordering::Relaxed) >= kill_after;
                (enough || clients.iter().all(|client| client.is_finished())).then_some(())
            });
            host.kill();
            clients.into_iter().map(|client| client.join().expect("a client does not panic")).collect()
        });
        host.restart();

        let statements: Vec<Vec<Entry>> = accounts.iter().map(|account| statement(&host, account)).collect();
        let mut made = BTreeSet::new();
        for (&(from, to, amount), outcome) in plan.iter().zip(&outcomes) {
            let has = |account: usize, other: usize| {
                statements[account]
                    .iter()
                    .filter(|(_, seen, counterparty)| (*seen, counterparty) == (amount, &accounts[other]))
                    .count()
            };
            let (left, came) = (has(from, to), has(to, from));
            assert_eq!(
                left,
                came,
                "round {round}: {} left one account and did not come to the other",
                decimal(amount)
            );
            assert!(left <= 1, "round {round}: {} was moved {left} times", decimal(amount));
            match outcome {
                Some(true) => {
                    assert_eq!(left, 1, "round {round}: {} was acknowledged and is lost", decimal(amount))
                }
                Some(false) => {
                    refused_in_all += 1;
                    assert_eq!(left, 0, "round {round}: {} was refused and made", decimal(amount));
                }
                None => {}
            }
            if left == 1 {
                made.insert(amount);
                let moved = i64::try_from(amount).expect("small");
                *expected.get_mut(accounts[from].as_str()).expect("an account") -= moved;
                *expected.get_mut(accounts[to].as_str()).expect("an account") += moved;
            }
        }
        let balances: Vec<u64> = accounts.iter().map(|account| balance(&host, account)).collect();
        assert_eq!(
            balances.iter().sum::<u64>(),
            OPENING * u64::try_from(ACCOUNTS).expect("64 bits"),
            "round {round}: the sum of all balances"
        );
        for (account, balance) in accounts.iter().zip(&balances) {
            let moved = i64::try_from(*balance).expect("small") - i64::try_from(OPENING).expect("small");
            assert_eq!(
                moved,
                expected[account.as_str()],
                "round {round}: the balance is that of the statement"
            );
        }
        let count = outcomes.iter().filter(|outcome| **outcome == Some(true)).count();
        acknowledged_in_all += count;
        made_in_all += made.len();
    }
    println!(
        "{ROUNDS} kills: of {} transfers {acknowledged_in_all} were acknowledged, {made_in_all} made, {refused_in_all} refused, 0 \
         acknowledged and lost, 0 halves",
        ROUNDS * TRANSFERS
    );
    assert!(acknowledged_in_all > ROUNDS, "the host did get to work");
    assert!(acknowledged_in_all < ROUNDS * TRANSFERS, "the host was killed in the middle");
}

#[test]
fn two_hundred_transfers_at_once_from_one_account_are_each_made_or_refused() {
    let host = Host::builder().plugin("bank").configuration("access-log = \"off\"").start();
    let open = |cents: u64| {
        let answer = call(
            &host,
            "OpenAccount",
            &format!("<owner>O</owner><openingBalance>{}</openingBalance>", decimal(cents)),
        );
        texts(&answer, "account").first().expect("an account").to_string()
    };
    // Enough for half of them.
    let (from, to) = (open(10_000), open(0));
    let address = host.address();
    let made = std::thread::scope(|scope| {
        let clients: Vec<_> =
            (0..TRANSFERS).map(|_| scope.spawn(|| transfer(address, &from, &to, 100))).collect();
        clients.into_iter().map(|client| client.join().expect("no panic")).collect::<Vec<_>>()
    });
    let acknowledged = made.iter().filter(|outcome| **outcome == Some(true)).count();
    let refused = made.iter().filter(|outcome| **outcome == Some(false)).count();
    println!(
        "{acknowledged} made, {refused} refused, {} without an answer of the bank",
        made.len() - acknowledged - refused
    );
    assert_eq!(acknowledged + refused, TRANSFERS, "each had an answer: {made:?}");
    let moved = u64::try_from(acknowledged).expect("64 bits") * 100;
    assert_eq!((balance(&host, &from), balance(&host, &to)), (10_000 - moved, moved));
    assert!(acknowledged <= 100, "more than there was");
}
