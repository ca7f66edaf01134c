//! Who is connected to a WebSocket plugin, and in which topics: `guesthouse:plugin/rooms`.
//!
//! Owns the topics of one plugin and what waits to be sent to each of its connections. Refuses to know sockets and frames:
//! a connection is a number and an [`Outbox`], which the connection's own task empties.
//!
//! Publishing never waits. A message is put into the outbox of every member under one lock over the plugin's topics, so all
//! members see the messages of a topic in the same order; the lock is held for that and for nothing else, and tasks are woken
//! after it is released. A reader that is too slow fills its outbox, which marks it for closing and frees what waited.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Linker, Lower};

use super::HasCallState;

/// One whole message. Cloning it does not copy its text or bytes: all members of a topic share them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(Text),
    /// Bytes.
    Binary(Bytes),
}

/// Bytes that are UTF-8, because they were a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(Bytes);

impl Text {
    /// The bytes, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }
}

/// What a message costs in an outbox beside its bytes, so that empty ones are bounded too.
const MESSAGE_OVERHEAD_BYTES: usize = 64;
/// Places that an empty outbox keeps.
const MESSAGES_KEPT: usize = 4;

impl Message {
    fn cost(&self) -> usize {
        let bytes = match self {
            Self::Text(Text(bytes)) | Self::Binary(bytes) => bytes.len(),
        };
        bytes.saturating_add(MESSAGE_OVERHEAD_BYTES)
    }
}

/// What waits to be sent on one connection.
#[derive(Debug)]
pub struct Outbox {
    bytes_max: usize,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<Message>,
    bytes: usize,
    overflowed: bool,
    /// The connection's task, when it found nothing here.
    reader: Option<Waker>,
}

/// The connection's reader is too slow for what is sent to it. The connection is to be closed with 1013.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more waits to be sent than websocket_write_buffer_bytes_max allows")]
pub struct Overflowed;

impl Outbox {
    /// An empty one that takes `bytes_max` (`websocket_write_buffer_bytes_max`), counting a little for each message beside
    /// its bytes. A message that alone is larger is taken when nothing else waits.
    #[must_use]
    pub fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { bytes_max, waiting: Mutex::default() })
    }

    /// Puts a message at the end, or marks the outbox as overflowed.
    pub fn send(&self, message: Message) {
        if let Some(reader) = self.put(message) {
            reader.wake();
        }
    }

    /// As [`Outbox::send`], by the connection's own task, which looks here again before it sleeps and need not be woken.
    pub fn send_own(&self, message: Message) {
        let mut waiting = lock(&self.waiting);
        waiting.put(message, self.bytes_max);
    }

    /// Gives whom to wake, if somebody waits.
    #[must_use]
    fn put(&self, message: Message) -> Option<Waker> {
        let mut waiting = lock(&self.waiting);
        waiting.put(message, self.bytes_max);
        waiting.reader.take()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let waiting = lock(&self.waiting);
        waiting.messages.is_empty() && !waiting.overflowed
    }

    /// Waits for the outbox to overflow, for a task that cannot send just now. It is also woken by messages.
    pub fn poll_overflow(&self, task: &mut Context<'_>) -> Poll<Overflowed> {
        let mut waiting = lock(&self.waiting);
        if waiting.overflowed {
            return Poll::Ready(Overflowed);
        }
        waiting.reader = Some(task.waker().clone());
        Poll::Pending
    }

    /// The next message. Pending when none waits: the task is then woken by the next one. For one task only.
    ///
    /// # Errors
    /// When the outbox has overflowed; it stays so.
    pub fn poll_next(&self, task: &mut Context<'_>) -> Poll<Result<Message, Overflowed>> {
        let mut waiting = lock(&self.waiting);
        if waiting.overflowed {
            return Poll::Ready(Err(Overflowed));
        }
        let Some(message) = waiting.messages.pop_front() else {
            match &mut waiting.reader {
                Some(reader) => reader.clone_from(task.waker()),
                reader => *reader = Some(task.waker().clone()),
            }
            return Poll::Pending;
        };
        waiting.bytes = waiting.bytes.saturating_sub(message.cost());
        if waiting.messages.is_empty() {
            // What many messages at once took is not kept for the next.
            waiting.messages.shrink_to(MESSAGES_KEPT);
        }
        Poll::Ready(Ok(message))
    }
}

impl Waiting {
    fn put(&mut self, message: Message, bytes_max: usize) {
        if self.overflowed {
            return;
        }
        let bytes = self.bytes.saturating_add(message.cost());
        if bytes > bytes_max && !self.messages.is_empty() {
            *self = Self { overflowed: true, reader: self.reader.take(), ..Self::default() };
            return;
        }
        self.bytes = bytes;
        self.messages.push_back(message);
    }
}

/// The topics of one plugin. Outlives the plugin's versions.
#[derive(Debug, Default)]
pub struct Rooms {
    turn: Arc<tokio::sync::Mutex<()>>,
    inside: Mutex<Inside>,
}

/// The right to ask who is in a topic: one call of a plugin at a time has it.
pub type Turn = tokio::sync::OwnedMutexGuard<()>;

/// A connection in a topic, as plugins see it.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lower)]
#[component(record)]
pub struct Member {
    /// The connection's number.
    pub connection: u64,
    /// What it is called in this topic.
    pub label: String,
}

/// A connection is in as many topics as it may be in (`websocket_topics_max`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection is in {0} topics already (websocket_topics_max)")]
pub struct TooManyTopics(pub usize);

#[derive(Debug, Default)]
struct Inside {
    connections: HashMap<u64, Connection>,
    topics: HashMap<Arc<str>, Topic>,
}

#[derive(Debug)]
struct Connection {
    outbox: Arc<Outbox>,
    topics_max: usize,
    topics: BTreeSet<Arc<str>>,
}

#[derive(Debug, Default)]
struct Topic {
    joined: u64,
    /// In the order they joined.
    members: BTreeMap<u64, (Member, Arc<Outbox>)>,
    /// Where a connection stands in that order.
    places: HashMap<u64, u64>,
}

impl Rooms {
    /// Waits for the turn.
    pub async fn turn(&self) -> Turn {
        Arc::clone(&self.turn).lock_owned().await
    }

    /// A number for a connection. They are numbered over all plugins, so that a number names one for as long as the host runs.
    #[must_use]
    pub fn next_number() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes a connection known. It may be in at most `topics_max` topics.
    pub fn register(&self, connection: u64, outbox: Arc<Outbox>, topics_max: usize) {
        let known = Connection { outbox, topics_max, topics: BTreeSet::new() };
        lock(&self.inside).connections.insert(connection, known);
    }

    /// Forgets a connection; it leaves its topics.
    pub fn unregister(&self, connection: u64) {
        let mut inside = lock(&self.inside);
        if let Some(known) = inside.connections.remove(&connection) {
            for topic in &known.topics {
                inside.remove_member(topic, connection);
            }
        }
    }

    /// How many connections there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        lock(&self.inside).connections.len()
    }

    /// Puts a connection into a topic, or gives it another label there; its place in the order stays. Nothing happens when
    /// the connection is not known, because it has just been closed.
    ///
    /// # Errors
    /// When it is in as many topics as it may be.
    pub fn join(&self, topic: &str, connection: u64, label: String) -> Result<(), TooManyTopics> {
        let mut inside = lock(&self.inside);
        let Inside { connections, topics } = &mut *inside;
        let Some(known) = connections.get_mut(&connection) else { return Ok(()) };
        let name = match topics.get_key_value(topic) {
            Some((name, _)) => Arc::clone(name),
            None => Arc::from(topic),
        };
        if !known.topics.contains(&name) {
            if known.topics.len() >= known.topics_max {
                return Err(TooManyTopics(known.topics_max));
            }
            known.topics.insert(Arc::clone(&name));
        }
        let topic = topics.entry(name).or_default();
        let place = *topic.places.entry(connection).or_insert_with(|| {
            topic.joined = topic.joined.saturating_add(1);
            topic.joined
        });
        topic.members.insert(place, (Member { connection, label }, Arc::clone(&known.outbox)));
        Ok(())
    }

    /// Takes a connection out of a topic.
    pub fn leave(&self, topic: &str, connection: u64) {
        let mut inside = lock(&self.inside);
        if let Some(known) = inside.connections.get_mut(&connection) {
            known.topics.remove(topic);
        }
        inside.remove_member(topic, connection);
    }

    /// Sends to every connection in a topic but `except`.
    pub fn publish(&self, topic: &str, message: &Message, except: Option<u64>) {
        let mut to_wake = Vec::new();
        {
            let inside = lock(&self.inside);
            let Some(topic) = inside.topics.get(topic) else { return };
            for (member, outbox) in topic.members.values() {
                if except != Some(member.connection) {
                    to_wake.extend(outbox.put(message.clone()));
                }
            }
        }
        for reader in to_wake {
            reader.wake();
        }
    }

    /// Sends to one connection. Nothing happens when it is gone.
    pub fn send_to(&self, connection: u64, message: Message) {
        let outbox = lock(&self.inside).connections.get(&connection).map(|known| Arc::clone(&known.outbox));
        if let Some(outbox) = outbox {
            outbox.send(message);
        }
    }

    /// The members of a topic in the order they joined.
    #[must_use]
    pub fn members(&self, topic: &str) -> Vec<Member> {
        let inside = lock(&self.inside);
        let topic = inside.topics.get(topic);
        topic
            .map_or_else(Vec::new, |topic| topic.members.values().map(|(member, _)| member.clone()).collect())
    }
}

impl Inside {
    fn remove_member(&mut self, name: &str, connection: u64) {
        let Some(topic) = self.topics.get_mut(name) else { return };
        if let Some(place) = topic.places.remove(&connection) {
            topic.members.remove(&place);
        }
        if topic.members.is_empty() {
            self.topics.remove(name);
        }
    }
}

/// What the locks here guard is whole after every statement, so a panic elsewhere does not make it unusable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn link<T: HasCallState>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("guesthouse:plugin/rooms@1.0.0")?;
    instance.func_wrap_async("members", |mut store: StoreContextMut<'_, T>, (topic,): (String,)| {
        Box::new(async move {
            let call = store.data_mut().call_state();
            if call.turn.is_none() {
                call.turn = Some(call.plugin.rooms.turn().await);
            }
            Ok((call.plugin.rooms.members(&topic),))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Message {
        Message::Text(Text::from(text.to_owned()))
    }

    fn next(outbox: &Outbox) -> Option<Result<Message, Overflowed>> {
        match outbox.poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(message) => Some(message),
            Poll::Pending => None,
        }
    }

    fn drain(outbox: &Outbox) -> Vec<Message> {
        std::iter::from_fn(|| next(outbox).map(Result::unwrap)).collect()
    }

    fn connect(rooms: &Rooms, connection: u64) -> Arc<Outbox> {
        let outbox = Outbox::new(64 * 1024);
        rooms.register(connection, Arc::clone(&outbox), 4);
        outbox
    }

    #[test]
    fn members_are_listed_in_the_order_they_joined_and_a_new_label_keeps_the_place() {
        let rooms = Rooms::default();
        for connection in [3, 1, 2] {
            connect(&rooms, connection);
            rooms.join("lobby", connection, format!("n{connection}")).unwrap();
        }
        rooms.join("lobby", 3, "three".to_owned()).unwrap();
        let members: Vec<_> = rooms.members("lobby").into_iter().map(|m| (m.connection, m.label)).collect();
        assert_eq!(members, [(3, "three".to_owned()), (1, "n1".to_owned()), (2, "n2".to_owned())]);
        rooms.leave("lobby", 1);
        rooms.unregister(3);
        assert_eq!(rooms.members("lobby").len(), 1);
        rooms.unregister(2);
        assert!(lock(&rooms.inside).topics.is_empty());
    }

    #[test]
    fn all_members_see_the_messages_of_a_topic_in_the_same_order() {
        let rooms = Rooms::default();
        let outboxes: Vec<_> = (0..8).map(|connection| connect(&rooms, connection)).collect();
        for connection in 0..8 {
            rooms.join("lobby", connection, String::new()).unwrap();
        }
        std::thread::scope(|scope| {
            for publisher in 0..4 {
                let rooms = &rooms;
                scope.spawn(move || {
                    for number in 0..100 {
                        rooms.publish("lobby", &text(&format!("{publisher}.{number}")), None);
                    }
                });
            }
        });
        let first = drain(&outboxes[0]);
        assert_eq!(first.len(), 400);
        for outbox in &outboxes[1..] {
            assert_eq!(drain(outbox), first);
        }
    }

    #[test]
    fn a_slow_reader_overflows_alone_and_what_waited_for_it_is_freed() {
        let rooms = Rooms::default();
        let (slow, quick) = (Outbox::new(1_000), connect(&rooms, 2));
        rooms.register(1, Arc::clone(&slow), 4);
        for connection in [1, 2] {
            rooms.join("lobby", connection, String::new()).unwrap();
        }
        for _ in 0..20 {
            rooms.publish("lobby", &text("0123456789"), None);
        }
        assert_eq!(next(&slow), Some(Err(Overflowed)));
        assert_eq!(next(&slow), Some(Err(Overflowed)));
        assert!(lock(&slow.waiting).messages.is_empty());
        assert_eq!(drain(&quick).len(), 20);
    }

    #[test]
    fn the_publisher_can_be_left_out_and_one_connection_addressed() {
        let rooms = Rooms::default();
        let (first, second) = (connect(&rooms, 1), connect(&rooms, 2));
        rooms.join("lobby", 1, String::new()).unwrap();
        rooms.join("lobby", 2, String::new()).unwrap();
        rooms.publish("lobby", &text("hello"), Some(1));
        rooms.send_to(1, text("you"));
        rooms.send_to(77, text("nobody"));
        assert_eq!((drain(&first), drain(&second)), (vec![text("you")], vec![text("hello")]));
    }

    #[test]
    fn a_connection_joins_no_more_topics_than_it_may() {
        let rooms = Rooms::default();
        connect(&rooms, 1);
        for topic in ["a", "b", "c", "d", "d"] {
            rooms.join(topic, 1, String::new()).unwrap();
        }
        assert_eq!(rooms.join("e", 1, String::new()), Err(TooManyTopics(4)));
        rooms.leave("a", 1);
        rooms.join("e", 1, String::new()).unwrap();
    }

    #[tokio::test]
    async fn a_waiting_connection_is_woken_by_a_publish() {
        let rooms = Rooms::default();
        let outbox = connect(&rooms, 1);
        rooms.join("lobby", 1, String::new()).unwrap();
        let publish = async {
            tokio::task::yield_now().await;
            rooms.publish("lobby", &text("hello"), None);
        };
        let (message, ()) = tokio::join!(std::future::poll_fn(|task| outbox.poll_next(task)), publish);
        assert_eq!(message, Ok(text("hello")));
    }
}
