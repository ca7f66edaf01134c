//! What the store promises, on a real file and on a disk that fails.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::faults::{Fault, FaultyDisk};
use super::*;

fn limits() -> HostLimits {
    HostLimits { store_cache_bytes_max: 1024 * 1024, ..HostLimits::DEFAULT }
}

fn namespace(plugin: &str) -> Namespace {
    Namespace::new(plugin, "default").unwrap()
}

fn commit(plugin: &str, expectations: Vec<Expectation>, writes: Vec<Write>) -> Commit {
    let quota = Quota { plugin: plugin.into(), bytes_max: 1024 * 1024 * 1024 };
    Commit { namespace: namespace(plugin), quota, expectations, writes }
}

fn put(key: &str, value: &[u8]) -> Write {
    Write::Put(key.to_owned(), value.to_vec())
}

async fn set(store: &Store, key: &str, value: &[u8]) -> Result<(), StoreError> {
    store.commit(commit("p", vec![], vec![put(key, value)])).await.map(drop)
}

fn on(disk: &FaultyDisk) -> Arc<Store> {
    let disk = disk.clone();
    Store::on(move || Ok(disk.clone()), &limits()).unwrap()
}

/// A folder of its own for one test, gone at the end.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("guesthouse-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let folder = Folder::new("restart");
    let store = Store::open(&folder.0, &limits()).unwrap();
    set(&store, "a", b"1").await.unwrap();
    set(&store, "b", b"2").await.unwrap();
    store.commit(commit("p", vec![], vec![Write::Delete("a".to_owned())])).await.unwrap();
    drop(store);
    let store = Store::open(&folder.0, &limits()).unwrap();
    assert_eq!(store.get(&namespace("p"), "a"), Ok(None));
    assert_eq!(store.get(&namespace("p"), "b"), Ok(Some(b"2".to_vec())));
}

#[tokio::test]
async fn the_store_is_for_its_owner_only_and_for_one_host() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("owner");
    let _store = Store::open(&folder.0, &limits()).unwrap();
    let mode = std::fs::metadata(folder.0.join("store.redb")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
    let error = Store::open(&folder.0, &limits()).unwrap_err().to_string();
    assert!(error.contains("in use by another guesthouse"), "{error}");
}

#[test]
fn a_file_that_is_no_store_is_refused_with_its_path_and_left_alone() {
    let folder = Folder::new("foreign");
    let path = folder.0.join("store.redb");
    std::fs::write(&path, b"something else".repeat(1000)).unwrap();
    let error = format!("{:#}", Store::open(&folder.0, &limits()).unwrap_err());
    assert!(error.contains("store.redb cannot be opened"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"something else".repeat(1000));
}

#[test]
fn a_store_that_was_begun_and_not_finished_is_begun_again() {
    let folder = Folder::new("begun");
    std::fs::write(folder.0.join("store.new"), b"redb and then the power went").unwrap();
    let store = Store::open(&folder.0, &limits()).unwrap();
    assert_eq!(store.get(&namespace("p"), "a"), Ok(None));
}

#[tokio::test]
async fn a_commit_is_made_whole_or_not_at_all() {
    let store = on(&FaultyDisk::default());
    set(&store, "a", b"1").await.unwrap();
    let expect = |key: &str, value: Option<&[u8]>| Expectation {
        key: key.to_owned(),
        value: value.map(<[u8]>::to_vec),
    };
    let stale = vec![expect("a", Some(b"0")), expect("b", None)];
    let writes = vec![put("a", b"2"), put("b", b"3")];
    assert_eq!(store.commit(commit("p", stale, writes.clone())).await, Err(StoreError::Conflict));
    assert_eq!(store.get(&namespace("p"), "b"), Ok(None));
    let fresh = vec![expect("a", Some(b"1")), expect("b", None)];
    store.commit(commit("p", fresh.clone(), writes.clone())).await.unwrap();
    let read = store.get_many(&namespace("p"), &["a".to_owned(), "b".to_owned()], 1_000).unwrap();
    assert_eq!(read, [Some(b"2".to_vec()), Some(b"3".to_vec())]);
    assert_eq!(store.commit(commit("p", fresh, writes)).await, Err(StoreError::Conflict));
}

#[tokio::test]
async fn commits_that_conflict_do_not_fail_those_they_share_a_group_with() {
    let disk = FaultyDisk::default();
    let store = on(&disk);
    set(&store, "base", b"0").await.unwrap();
    let before = disk.operations();
    let commits = (0..200).map(|number| {
        // Every second one expects what never was.
        let value = if number % 2 == 0 { b"0" } else { b"9" };
        let expectation = Expectation { key: "base".to_owned(), value: Some(value.to_vec()) };
        store.commit(commit("p", vec![expectation], vec![put(&format!("k{number}"), b"v")]))
    });
    let outcomes = futures_util::future::join_all(commits).await;
    for (number, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.is_ok(), number % 2 == 0, "{number}: {outcome:?}");
        let there = store.exists(&namespace("p"), &format!("k{number}")).unwrap();
        assert_eq!(there, number % 2 == 0);
    }
    // Each alone would be some ten operations of the disk.
    let operations = disk.operations() - before;
    assert!(operations < 500, "{operations} operations for 200 commits: they were not grouped");
}

#[tokio::test]
async fn concurrent_transfers_keep_the_sum() {
    let store = on(&FaultyDisk::default());
    let accounts = ["a", "b", "c"];
    for account in accounts {
        set(&store, account, b"100").await.unwrap();
    }
    let read = |account: &str| store.get(&namespace("p"), account).unwrap().unwrap();
    let number = |bytes: &[u8]| std::str::from_utf8(bytes).unwrap().parse::<u64>().unwrap();
    let transfer = |number_of: usize| {
        let (from, to) = (accounts[number_of % 3], accounts[(number_of + 1) % 3]);
        let store = &store;
        async move {
            loop {
                let (source, target) = (read(from), read(to));
                let expectations = vec![
                    Expectation { key: from.to_owned(), value: Some(source.clone()) },
                    Expectation { key: to.to_owned(), value: Some(target.clone()) },
                ];
                let writes = vec![
                    put(from, (number(&source) - 1).to_string().as_bytes()),
                    put(to, (number(&target) + 1).to_string().as_bytes()),
                ];
                match store.commit(commit("p", expectations, writes)).await {
                    Ok(_) => return,
                    Err(StoreError::Conflict) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
    };
    futures_util::future::join_all((0..90).map(transfer)).await;
    let balances = accounts.map(|account| number(&read(account)));
    assert_eq!(balances, [100, 100, 100]);
}

#[tokio::test]
async fn increment_counts_in_decimal_digits_and_refuses_anything_else() {
    let store = on(&FaultyDisk::default());
    let add =
        |key: &str, delta| store.commit(commit("p", vec![], vec![Write::Increment(key.to_owned(), delta)]));
    assert_eq!(add("n", 5).await, Ok(Some(5)));
    let sums = futures_util::future::join_all((0..50).map(|_| add("n", 2))).await;
    let sums: BTreeSet<_> = sums.into_iter().map(|sum| sum.unwrap().unwrap()).collect();
    assert_eq!(sums, (1..=50).map(|number| 5 + 2 * number).collect());
    assert_eq!(store.get(&namespace("p"), "n"), Ok(Some(b"105".to_vec())));
    assert!(matches!(add("n", u64::MAX).await, Err(StoreError::NotANumber(_))));
    for other in ["", "+1", "-1", "1.0", " 1", "x", "99999999999999999999"] {
        set(&store, "other", other.as_bytes()).await.unwrap();
        assert!(matches!(add("other", 1).await, Err(StoreError::NotANumber(_))), "{other:?}");
    }
}

#[tokio::test]
async fn one_plugins_keys_are_nothing_to_another() {
    let store = on(&FaultyDisk::default());
    for plugin in ["p", "pp", "q"] {
        store.commit(commit(plugin, vec![], vec![put("key", plugin.as_bytes())])).await.unwrap();
    }
    for plugin in ["p", "pp", "q"] {
        assert_eq!(store.get(&namespace(plugin), "key"), Ok(Some(plugin.as_bytes().to_vec())));
        assert_eq!(store.list(&namespace(plugin), None).await, Ok((vec!["key".to_owned()], None)));
    }
    store.commit(commit("p", vec![], vec![Write::Delete("key".to_owned())])).await.unwrap();
    assert_eq!(store.exists(&namespace("pp"), "key"), Ok(true));
}

#[tokio::test]
async fn a_cursor_of_one_plugin_is_unknown_to_another() {
    let disk = FaultyDisk::default();
    let few = HostLimits { store_keys_per_page_max: 2, ..limits() };
    let store = Store::on(move || Ok(disk.clone()), &few).unwrap();
    for plugin in ["p", "q"] {
        for key in ["a", "b", "c"] {
            store.commit(commit(plugin, vec![], vec![put(key, b"")])).await.unwrap();
        }
    }
    let (_, cursor) = store.list(&namespace("p"), None).await.unwrap();
    assert!(cursor.is_some());
    assert_eq!(store.list(&namespace("q"), cursor).await, Err(StoreError::UnknownCursor));
}

#[tokio::test]
async fn pages_show_every_key_once_although_others_are_written_and_deleted_meanwhile() {
    let disk = FaultyDisk::default();
    let few = HostLimits { store_keys_per_page_max: 10, ..limits() };
    let open = || {
        let disk = disk.clone();
        Store::on(move || Ok(disk.clone()), &few).unwrap()
    };
    let mut store = open();
    let key = |number: u32| format!("{number:04}");
    let writes = (0..105).map(|number| put(&key(number * 2), b"v")).collect();
    store.commit(commit("p", vec![], writes)).await.unwrap();
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let (keys, next) = store.list(&namespace("p"), cursor).await.unwrap();
        seen.extend(keys.iter().cloned());
        let Some(next) = next else { break };
        cursor = Some(next);
        // A key before the page is new; all of the page but its last go. The last goes where its cursor is remembered.
        let mut writes = vec![put("0001", b"v")];
        writes.extend(keys.iter().take(9).map(|key| Write::Delete(key.clone())));
        if seen.len() == 50 {
            drop(store);
            store = open();
        } else {
            writes.extend(keys.last().map(|key| Write::Delete(key.clone())));
        }
        store.commit(commit("p", vec![], writes)).await.unwrap();
    }
    assert_eq!(seen, (0..105).map(|number| key(number * 2)).collect::<Vec<_>>());
    assert_eq!(store.list(&namespace("p"), Some(12345)).await, Err(StoreError::UnknownCursor));
}

#[tokio::test]
async fn what_is_over_a_limit_is_refused_by_name() {
    let store = on(&FaultyDisk::default());
    let refused = |outcome: Result<(), StoreError>, limit: &str| match outcome {
        Err(StoreError::TooLarge(text)) => assert!(text.contains(limit), "{text}"),
        other => panic!("{limit}: {other:?}"),
    };
    set(&store, &"k".repeat(1024), &vec![0; 1024 * 1024]).await.unwrap();
    refused(set(&store, &"k".repeat(1025), b"").await, "store_key_bytes_max");
    refused(set(&store, "k", &vec![0; 1024 * 1024 + 1]).await, "store_value_bytes_max");
    let many = (0..257).map(|number| put(&number.to_string(), b"")).collect();
    refused(store.commit(commit("p", vec![], many)).await.map(drop), "store_writes_per_commit_max");
    refused(store.get(&namespace("p"), &"k".repeat(1025)).map(drop), "store_key_bytes_max");
}

#[tokio::test]
async fn a_plugin_keeps_no_more_than_it_may_and_gets_room_back_when_it_deletes() {
    let store = on(&FaultyDisk::default());
    let write = |plugin: &'static str, write: Write| {
        let quota = Quota { plugin: plugin.into(), bytes_max: 1_000 };
        store.commit(Commit { quota, ..commit(plugin, vec![], vec![write]) })
    };
    write("p", put("a", &[0; 500])).await.unwrap();
    write("p", put("b", &[0; 498])).await.unwrap();
    assert!(matches!(write("p", put("c", b"")).await, Err(StoreError::TooLarge(_))));
    write("q", put("c", &[0; 999])).await.unwrap();
    write("p", put("a", &[1; 499])).await.unwrap();
    write("p", put("c", b"")).await.unwrap();
    write("p", Write::Delete("b".to_owned())).await.unwrap();
    write("p", put("d", &[0; 498])).await.unwrap();
    assert!(matches!(write("p", put("e", b"")).await, Err(StoreError::TooLarge(_))));
}

#[tokio::test]
async fn a_caller_that_is_cut_off_does_not_hold_up_the_others() {
    let store = on(&FaultyDisk::default());
    for number in 0..50 {
        // Polled once, which puts it into the queue, then dropped.
        let mut abandoned = Box::pin(set(&store, "abandoned", b"v"));
        let _: Option<_> = futures_util::FutureExt::now_or_never(&mut abandoned);
        drop(abandoned);
        set(&store, "kept", number.to_string().as_bytes()).await.unwrap();
    }
    assert_eq!(store.get(&namespace("p"), "kept"), Ok(Some(b"49".to_vec())));
    // The writer gives the room back after its answer.
    let deadline = Instant::now() + Duration::from_secs(20);
    while store.room.available_permits() < 64 * 1024 {
        assert!(Instant::now() < deadline, "room was lost");
        tokio::task::yield_now().await;
    }
}

/// Commits until one is accepted.
async fn until_accepted(store: &Store, key: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while set(store, key, b"v").await.is_err() {
        assert!(Instant::now() < deadline, "the store did not come back");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_disk_that_refuses_to_write_fails_writes_and_not_reads_and_is_used_again_when_it_is_better() {
    for fault in [Fault::Full, Fault::ReadOnly, Fault::Synchronise] {
        let disk = FaultyDisk::default();
        let store = on(&disk);
        set(&store, "before", b"1").await.unwrap();
        disk.set_fault(Some(fault));
        // Large enough that a full disk is noticed.
        let mut failed = 0;
        for number in 0..40 {
            failed +=
                usize::from(set(&store, &format!("meanwhile{number}"), &[7; 1024 * 1024]).await.is_err());
            assert_eq!(store.get(&namespace("p"), "before"), Ok(Some(b"1".to_vec())), "{fault:?}");
        }
        assert!(failed > 20, "{fault:?}: only {failed} of 40 commits failed");
        disk.set_fault(None);
        until_accepted(&store, "after").await;
        assert_eq!(store.get(&namespace("p"), "before"), Ok(Some(b"1".to_vec())), "{fault:?}");
        assert_eq!(store.exists(&namespace("p"), "after"), Ok(true), "{fault:?}");
    }
}

#[tokio::test]
async fn a_dead_disk_is_said_to_be_so_and_the_host_goes_on() {
    let disk = FaultyDisk::default();
    let store = on(&disk);
    set(&store, "before", b"1").await.unwrap();
    disk.set_fault(Some(Fault::Dead));
    assert_eq!(set(&store, "meanwhile", b"1").await, Err(StoreError::Unavailable));
    assert_eq!(store.get(&namespace("p"), "before"), Err(StoreError::Unavailable));
    disk.set_fault(None);
    until_accepted(&store, "after").await;
    assert_eq!(store.get(&namespace("p"), "before"), Ok(Some(b"1".to_vec())));
}

/// How many outcomes of a power loss are looked at for each operation.
const POWER_LOSSES: usize = 40;

/// What the crash test writes: two accounts whose sum stays, a counter, and a value that shows whether it was torn.
async fn work(store: &Store) -> u64 {
    let mut acknowledged = 0;
    for round in 1..=8_u64 {
        let filler = vec![u8::try_from(round).unwrap(); 3_000];
        let writes = vec![
            put("from", (100 - round).to_string().as_bytes()),
            put("to", round.to_string().as_bytes()),
            put("filler", &filler),
            Write::Increment("counter".to_owned(), 1),
        ];
        if store.commit(commit("p", vec![], writes)).await.is_err() {
            break;
        }
        acknowledged = round;
    }
    acknowledged
}

#[tokio::test]
async fn no_acknowledged_commit_is_lost_or_torn_by_a_loss_of_power_at_any_operation() {
    let empty = FaultyDisk::default();
    drop(on(&empty));
    let base = empty.after_power_loss(&mut || 1);
    let whole = FaultyDisk::with(base.clone());
    assert_eq!(work(&on(&whole)).await, 8);
    let mut state = 42_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let mut points = 0;
    for power in 0..whole.operations() {
        let disk = FaultyDisk::with(base.clone());
        disk.set_power(power);
        let acknowledged = {
            let backend = disk.clone();
            match Store::on(move || Ok(backend.clone()), &limits()) {
                Ok(store) => work(&store).await,
                Err(_) => 0,
            }
        };
        for _ in 0..POWER_LOSSES {
            points += 1;
            let store = on(&FaultyDisk::with(disk.after_power_loss(&mut random)));
            let number = |key: &str, absent: u64| {
                let value = store.get(&namespace("p"), key).unwrap();
                value.map_or(absent, |value| std::str::from_utf8(&value).unwrap().parse().unwrap())
            };
            let counter = number("counter", 0);
            assert!(
                (acknowledged..=acknowledged + 1).contains(&counter),
                "{power}: {counter} of {acknowledged}"
            );
            assert_eq!(number("from", 100) + number("to", 0), 100, "{power}");
            assert_eq!(number("to", 0), counter, "{power}");
            let filler = store.get(&namespace("p"), "filler").unwrap().unwrap_or_default();
            assert!(filler.iter().all(|&byte| u64::from(byte) == counter), "{power}: torn");
            assert_eq!(filler.len(), if counter == 0 { 0 } else { 3_000 });
            // And it goes on from there.
            set(&store, "after", b"v").await.unwrap();
        }
    }
    assert!(points >= 4_000, "only {points} points");
}
