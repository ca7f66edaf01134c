//! HTTP to the letter, against the real binary: what bytes a client may send, and what it gets for those it may not. Tables of
//! bytes and answers, because no client that somebody ships sends what most of these rows say.

mod http1;
mod http2;
