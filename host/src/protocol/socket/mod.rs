//! The WebSocket transport (RFC 6455): what every style that speaks over a WebSocket shares.
//!
//! Owns the opening handshake, frames and messages, compression, their limits, the closing handshake, keep-alive, slow peers and draining.
//! Refuses to know what a message means, which plugin it is for, and what may be in flight at the same time: a style says when
//! it takes the next message, and nothing is read from the peer before that, so a client that sends faster than it is answered
//! fills its own socket and nothing of ours.
//!
//! A style uses it so:
//!
//! 1. [`is_wanted`] in `Endpoint::claims`, when it serves plain HTTP beside.
//! 2. [`Handshake::read`] on the exchange: a [`Failure`](crate::failure::Failure) is rendered as over HTTP. Whatever else stands against the connection
//!    is said now, as an HTTP answer, and never after the 101.
//! 3. [`Handshake::response`] with the subprotocol, if one is chosen, is the answer.
//! 4. In a task of `exchange.lifetime.tasks`: [`Socket::open`], then [`Socket::next`] in a loop until [`Event::Ended`]. What is
//!    put into the [`Outbox`](crate::capability::rooms::Outbox) is sent while `next` is polled; [`Socket::close`] ends the connection once that is out. Last,
//!    [`Socket::finish`].

mod close;
mod connection;
mod decoder;
mod deflate;
mod frame;
mod handshake;

pub use self::close::{Close, Code, REASON_BYTES_MAX};
pub use self::connection::{Event, Message, Settings, Socket};
pub use self::handshake::{Handshake, is_wanted};
