//! Every limit of the host, in one place: name, default, floor, ceiling and the reason for the default.
//!
//! Owns the numbers and the check that a configured number lies in its range. Refuses to know what a limit protects in code.
//! No library default is relied on for a limit anywhere: a default that changes under us, or that is infinite, is a bug of
//! ours (hyper's header timeout is silently off without a timer).
//!
//! Units stand last in every name: `_bytes`, `_ms`, `_s`, then `_max` or `_min`.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// One limit, as `guesthouse limits` and the documentation show it.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// The key in `guesthouse.toml` or in a manifest's `[limits]`.
    pub name: &'static str,
    /// What holds when nothing is configured.
    pub default: u64,
    /// The smallest value that can be configured.
    pub floor: u64,
    /// The largest value that can be configured.
    pub ceiling: u64,
    /// What it bounds, and why the default is what it is.
    pub reason: &'static str,
}

/// A configured number that has been checked against its range while it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ranged<const FLOOR: u64, const CEILING: u64>(u64);

impl<'de, const FLOOR: u64, const CEILING: u64> Deserialize<'de> for Ranged<FLOOR, CEILING> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = i64::deserialize(deserializer)?;
        match u64::try_from(value) {
            Ok(value) if (FLOOR..=CEILING).contains(&value) => Ok(Self(value)),
            _ => Err(D::Error::custom(format_args!(
                "{value} is out of range: allowed is {FLOOR} to {CEILING}"
            ))),
        }
    }
}

macro_rules! limits {
    (
        $(#[$set_doc:meta])*
        $set:ident, $overrides:ident {
            $( $name:ident = $default:expr, $floor:expr, $ceiling:expr, $reason:literal; )*
        }
    ) => {
        $(#[$set_doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $set {
            $( #[doc = $reason] pub $name: u64, )*
        }

        impl $set {
            /// Every limit of this set with its range and reason.
            pub const DEFINITIONS: &'static [Definition] = &[
                $( Definition {
                    name: stringify!($name), default: $default, floor: $floor, ceiling: $ceiling, reason: $reason,
                }, )*
            ];

            /// The shipped values.
            pub const DEFAULT: Self = Self { $( $name: $default, )* };

            /// These limits with the configured ones in place of the shipped ones.
            #[must_use]
            pub fn with(&self, overrides: &$overrides) -> Self {
                Self { $( $name: overrides.$name.map_or(self.$name, |ranged| ranged.0), )* }
            }
        }

        impl Default for $set {
            fn default() -> Self { Self::DEFAULT }
        }

        #[doc = concat!("The limits of [`", stringify!($set), "`] that a file sets; each was in its range.")]
        #[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $overrides {
            $( $name: Option<Ranged<{ $floor }, { $ceiling }>>, )*
        }
    };
}

limits! {
    /// What the host as a whole takes on: `[limits]` in `guesthouse.toml`.
    HostLimits, HostLimitOverrides {
        connections_max = 10_000, 1, 1_000_000, "Open connections. Capped at half of the process's file descriptors at start, so that the host can always open its own files.";
        connections_per_address_max = 256, 1, 1_000_000, "Open connections from one address (IPv6: one /64), so that one client cannot take all of them.";
        first_byte_ms_max = 10_000, 100, 600_000, "From accept to the first byte. hyper has no timer while it tells HTTP/1.1 from HTTP/2.";
        header_ms_max = 10_000, 100, 600_000, "From the first byte of a head to its end. nginx waits 60 s; a head is one packet.";
        header_bytes_max = 32 * KIB, 8 * KIB, 1024 * KIB, "Request line and header fields together (431). hyper reads up to 408 KiB by default.";
        header_count_max = 100, 8, 1_000, "Header fields in one head (431).";
        uri_bytes_max = 8 * KIB, 256, 65_534, "The request target (414). The ceiling is what the type of a URI holds.";
        keep_alive_idle_ms_max = 60_000, 100, 3_600_000, "Between two requests on one connection. nginx: 75 s.";
        write_stall_ms_max = 20_000, 100, 600_000, "A peer that takes no byte of an answer for so long is cut off.";
        body_idle_ms_max = 10_000, 100, 600_000, "Between two pieces of a request body (408).";
        body_rate_bytes_per_s_min = 1_024, 1, 1_048_576, "The mean rate of a request body, after its first five seconds (408).";
        http2_streams_max = 100, 1, 1_000, "Concurrent streams on one HTTP/2 connection.";
        http2_stream_window_bytes = 64 * KIB, 16 * KIB, 16 * MIB, "HTTP/2 flow control, one stream: what one may send ahead of its reader.";
        http2_connection_window_bytes = MIB, 64 * KIB, 64 * MIB, "HTTP/2 flow control, one connection.";
        http2_header_list_bytes_max = 16 * KIB, 4 * KIB, 1024 * KIB, "Decoded HTTP/2 header list.";
        http2_pending_resets_max = 20, 1, 1_000, "Streams reset by the peer before they were taken up (rapid reset, CVE-2023-44487).";
        http2_local_error_resets_max = 128, 1, 10_000, "Streams this side resets for the peer's errors before it ends the connection.";
        http2_ping_interval_ms = 20_000, 1_000, 3_600_000, "An idle HTTP/2 peer is asked so often whether it is there.";
        http2_ping_timeout_ms = 10_000, 1_000, 600_000, "How long it may take to say so.";
        requests_in_flight_max = 1_024, 8, 8_192, "Calls that hold an instance at the same time, over all plugins: the size of the instance pool.";
        queue_wait_ms_max = 250, 1, 60_000, "How long a request waits for an instance before it is answered 503 with Retry-After.";
        drain_ms_max = 30_000, 0, 3_600_000, "From SIGTERM until what is still in flight is cut.";
        plugin_file_bytes_max = 64 * MIB, 64 * KIB, 256 * MIB, "A plugin file; a component of a small handler in Rust has 50 KB, one with a JavaScript engine 12 MB, one with Python 40 MB.";
        plugins_max = 1_000, 1, 10_000, "Plugins in the folder.";
        compile_wall_ms_max = 180_000, 1_000, 600_000, "Compiling one plugin, in the child process. One of Python takes 12 s of CPU time, and it has the lowest priority.";
        compile_cpu_s_max = 120, 1, 600, "CPU time of that child.";
        compile_memory_bytes_max = 2_048 * MIB, 256 * MIB, 16_384 * MIB, "Address space of that child.";
        cache_bytes_max = 1_024 * MIB, 16 * MIB, 65_536 * MIB, "Compiled code kept on disk; the longest unused goes first.";
        store_key_bytes_max = 1_024, 16, 4_096, "A key in the store.";
        store_value_bytes_max = MIB, 1_024, 16 * MIB, "A value in the store.";
        store_keys_per_page_max = 1_000, 1, 10_000, "Keys that one list-keys answers.";
        store_writes_per_commit_max = 256, 1, 4_096, "Keys that one commit or batch touches.";
        store_writes_waiting_max = 1_024, 1, 65_536, "Commits that wait for the disk; a further one waits for a place.";
        store_waiting_bytes_max = 64 * MIB, 16 * MIB, 1_024 * MIB, "Keys and values of those commits together; a further one waits for a place.";
        store_cache_bytes_max = 64 * MIB, MIB, 65_536 * MIB, "Pages of the store kept in memory. redb's default is 1 GiB.";
        store_cursors_max = 4_096, 16, 65_536, "Places of list-keys that are remembered. One that is forgotten is searched for in the store, so the number is a matter of speed.";
    }
}

limits! {
    /// What one plugin may use: `[limits]` in its manifest, and `[plugin-limits]` in `guesthouse.toml` for all.
    PluginLimits, PluginLimitOverrides {
        memory_bytes_max = 64 * MIB, 64 * KIB, MEMORY_BYTES_CEILING, "Linear memory of one instance. The ceiling is the size of a slot in the pool.";
        table_elements_max = 20_000, 16, 20_000, "Elements of one table; a large table is host memory.";
        cpu_ms_max = 1_000, 1, 600_000, "CPU time of one call. A call past it is ended, whatever it is doing.";
        wall_ms_max = 10_000, 1, 3_600_000, "Time of one call, from the moment it has an instance to its answer, waiting for host calls included.";
        hostcall_bytes_max = 2 * MIB, 64 * KIB, 128 * MIB, "What the host copies out of the guest in one host call or result, beside the answer's own limit. wasmtime's default is 128 MiB.";
        resources_max = 1_000, 8, 100_000, "Handles one instance holds. wasmtime's default is a million.";
        random_bytes_max = 64 * KIB, 8, 16 * MIB, "Random bytes in one host call.";
        instances_max = 256, 1, 8_192, "Calls of this plugin that hold an instance at the same time; a further one waits, then 503.";
        body_bytes_max = MIB, 0, 64 * MIB, "A request body (413). nginx: 1 MiB.";
        response_bytes_max = 8 * MIB, 1_024, 64 * MIB, "The body of an answer (502).";
        streamed_body_bytes_max = 64 * MIB, 0, MIB * MIB, "A request body that a wasi:http component reads piece by piece (413). It is never held whole.";
        streamed_response_bytes_max = 1_024 * MIB, 1_024, MIB * MIB, "The body of an answer that a wasi:http component makes while it is sent; past it the connection is cut.";
        stream_ms_max = 300_000, 100, 86_400_000, "From the head of such an answer until the component must have ended. It bounds how long a slow client holds an instance, and how long a stream of events lasts before its client connects again.";
        response_header_count_max = 64, 1, 1_000, "Header fields of an answer (502).";
        response_header_bytes_max = 32 * KIB, 256, 1024 * KIB, "Header fields of an answer, names and values together (502).";
        log_lines_max = 64, 0, 10_000, "Log lines of one call; the rest is counted.";
        log_bytes_max = 16 * KIB, 0, 1024 * KIB, "Log text of one call; the rest is counted.";
        json_depth_max = 64, 4, 128, "Nesting of JSON in RPC.";
        typed_value_bytes_max = 32 * MIB, 64 * KIB, 1_024 * MIB, "The arguments or the result of one call of a typed service, in the host's own form: some forty bytes for each element of a list, so that the megabyte of base64 that a body may hold still fits.";
        batch_calls_max = 50, 1, 10_000, "Calls in one JSON-RPC batch or system.multicall.";
        batch_parallel_max = 8, 1, 256, "Calls of one batch that run at the same time.";
        batch_ms_max = 30_000, 1, 3_600_000, "From the start of a batch; calls that have not begun by then are refused, so that one request is not `batch_calls_max` times as long as a call may be.";
        xml_depth_max = 200, 8, 1_024, "Nesting of XML; SOAP calls nest about ten deep. XML-RPC has three elements for each level of json_depth_max and four around them, and what can be said in JSON can be said in it.";
        xml_attributes_max = 128, 8, 4_096, "Attributes of one element.";
        xml_namespaces_max = 32, 4, 1_024, "Namespace declarations of one element.";
        store_bytes_max = 256 * MIB, 0, 1_024 * 1_024 * MIB, "Keys and values of this plugin in the store, over all its stores, so that one plugin cannot fill the disk.";
        soap_header_blocks_max = 64, 1, 1_024, "Header blocks of one SOAP envelope. WS-Addressing and WS-Security together send about ten.";
        soap_attachments_max = 64, 0, 1_024, "Parts of one SOAP message beside its envelope (MTOM, attachments). Their bytes are under body_bytes_max.";
        websocket_connections_max = 10_000, 1, 1_000_000, "Open WebSockets of this plugin.";
        websocket_message_bytes_max = MIB, 125, 64 * MIB, "One incoming message, all its fragments together (1009).";
        websocket_frame_bytes_max = 256 * KIB, 125, 64 * MIB, "One incoming frame (1009).";
        websocket_write_buffer_bytes_max = 512 * KIB, 4 * KIB, 64 * MIB, "Outgoing messages that wait for a slow reader; past it the connection is closed (1013).";
        websocket_deflate_bytes_min = 1_024, 0, 64 * MIB, "Outgoing messages from this size on are compressed, where the client offers permessage-deflate. A short one gains nothing by itself, and nothing is remembered of those before.";
        websocket_state_bytes_max = 16 * KIB, 0, MIB, "State that a plugin keeps per connection.";
        websocket_topics_max = 64, 1, 10_000, "Topics that one connection is in.";
        websocket_actions_max = 1_024, 1, 65_536, "Actions that one handler returns.";
        websocket_calls_max = 8, 1, 256, "JSON-RPC messages of one WebSocket that are being answered, or whose answers wait to be sent; no further one is read meanwhile.";
        websocket_idle_ms_max = 60_000, 1_000, 3_600_000, "A peer that sends nothing, not even a pong, for so long is gone; it is pinged at half of it.";
    }
}

/// How deep the types of a typed service may nest. Lowering and lifting recurse once per level, and deeper values could not be
/// said in JSON under `json_depth_max` anyhow.
pub const TYPED_DEPTH_MAX: usize = 32;

/// Functions that one typed service serves. Each has an entry in every contract.
pub const TYPED_FUNCTIONS_MAX: usize = 1_000;

/// Different types in one typed service.
pub const TYPED_TYPES_MAX: usize = 2_000;

/// How many types one type consists of when every use is written out, as the contracts of some protocols do: a pair of a pair of
/// a pair doubles with each level.
pub const TYPED_NODES_MAX: usize = 10_000;

/// The same for the parameters and results of all functions together: some ten megabytes of contract.
pub const TYPED_NODES_TOTAL_MAX: usize = 100_000;

/// Parameters of a function, fields of a record, cases of a variant, flags, items of a tuple.
pub const TYPED_MEMBERS_MAX: usize = 500;

/// A name in a typed service, as it stands in WIT.
pub const TYPED_NAME_BYTES_MAX: usize = 128;

/// The WIT text of a typed service, embedded in the component or beside it.
pub const TYPED_TEXT_BYTES_MAX: usize = 256 * 1024;

/// How deep brackets may nest in that text: its parser recurses.
pub const TYPED_TEXT_DEPTH_MAX: usize = 64;

/// The doc comment of one item; the rest of a longer one is left out of the contracts.
pub const TYPED_DOCS_BYTES_MAX: usize = 16 * 1024;

/// A contract of a typed service. They are kept in memory for as long as the plugin is served.
pub const TYPED_CONTRACT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How much of a caller's value is repeated in the error that refuses it, in characters.
pub const TYPED_FOUND_CHARS_MAX: usize = 40;

/// The size of a slot in the instance pool: no plugin can be given more linear memory.
pub const MEMORY_BYTES_CEILING: u64 = 128 * MIB;

/// Bytes of namespace declarations that may be repeated on the parts of one XML document that are handed on by themselves, so
/// that a few long declarations and many small parts cannot make a large multiple of the document.
pub const XML_CAPTURE_BYTES_MAX: usize = 256 * 1024;

/// Members of a JSON-RPC request beside its own four, which are ignored but must have different names. Some clients send one or
/// two; without a bound, short names would cost many times their size.
pub const JSON_RPC_MEMBERS_MAX: usize = 64;

/// Bytes of names in which a MustUnderstand fault lists the header blocks that were not understood. Further ones go unnamed: one
/// long namespace on many small blocks must not make an answer many times the size of its request.
pub const SOAP_NOT_UNDERSTOOD_BYTES_MAX: usize = 16 * 1024;

/// The header fields of one part of a SOAP message with attachments. Real ones have three lines.
pub const SOAP_PART_HEAD_BYTES_MAX: usize = 4 * 1024;

/// Headers that a WS-Addressing reply endpoint asks to have repeated in the answer (reference parameters).
pub const SOAP_REFERENCE_PARAMETERS_MAX: usize = 16;

/// How often a running guest is interrupted to let the event loop at its I/O, in milliseconds. Twice this is the worst
/// extra wait of a neighbour on the same worker, before the guest is moved to a thread for long calls.
pub const EPOCH_TICK_MS: u64 = 1;

/// A manifest file. The longest sensible one is a few kilobytes.
pub const MANIFEST_BYTES_MAX: u64 = 64 * KIB;

/// The stem of a plugin's file: it names a mount, a namespace in the store and a mark in the log.
pub const PLUGIN_NAME_BYTES_MAX: usize = 64;

/// A configured mount.
pub const MOUNT_BYTES_MAX: usize = 256;

/// Top-level items of a component that are looked at before it is compiled. A large one has some dozens; the compiler
/// has its own limits for what is nested inside.
pub const COMPONENT_ITEMS_MAX: usize = 10_000;

/// Plugins that are compiled at the same time while the host starts. Each child uses every core for a part of its time, so
/// more would only add memory.
pub const COMPILES_AT_START_MAX: usize = 4;

/// Compiled code of one plugin. Code is some three to eight times its WebAssembly; what expands further is a bomb.
pub const COMPILED_BYTES_MAX: u64 = 256 * MIB;

/// What is kept of a compiling child's complaint.
pub const COMPILER_COMPLAINT_BYTES_MAX: u64 = 4 * KIB;

/// After the last event of a file until it is read: joins a plugin and its manifest, and the several writes of one save.
pub const FOLDER_QUIET_MS: u64 = 100;

/// Between two looks at a folder that cannot be watched; a file is taken when it is the same in two of them.
pub const FOLDER_POLL_MS: u64 = 2_000;

/// Entries of the plugin folder that are looked at, beside plugins and their manifests.
pub const FOLDER_FOREIGN_ENTRIES_MAX: usize = 10_000;

/// How often old versions are looked at whether their last request has ended.
pub const RETIRED_POLL_MS: u64 = 100;

/// What a worker reads from a WebSocket at a time. One buffer for all connections of a worker: an idle one holds none.
pub const WEBSOCKET_READ_BUFFER_BYTES: usize = 64 * 1024;

/// Outgoing WebSocket messages up to this are copied behind one another and go out in one write; a larger one is written from
/// where it is.
pub const WEBSOCKET_COALESCED_BYTES_MAX: usize = 16 * 1024;

/// A long message is inflated or compressed in steps of this many bytes, between which the worker serves others: a millisecond or
/// two.
pub const WEBSOCKET_DEFLATE_STEP_BYTES: usize = 256 * 1024;

/// Control frames that wait to be sent on a WebSocket: past it, a peer that pings and does not read is not read either.
pub const WEBSOCKET_CONTROL_BYTES_MAX: usize = 4 * 1024;

/// How long the peer of a WebSocket may take for the closing handshake, in milliseconds.
pub const WEBSOCKET_CLOSE_WAIT_MS_MAX: u64 = 5_000;

/// Connections that the kernel has completed and a worker has not yet accepted, for each worker's listener. Past it a client's
/// SYN is dropped and sent again; the kernel caps it at `net.core.somaxconn`, 4,096 since Linux 5.4.
pub const LISTEN_BACKLOG: i32 = 1_024;

/// The pause after an accept that failed for want of descriptors or memory, in milliseconds: long enough not to spin, short
/// enough to be back well within a second of the first free descriptor.
pub const ACCEPT_PAUSE_MS: u64 = 100;

/// How often a worker looks for connections that are past the deadline of their phase, in milliseconds. It is also the
/// resolution of the clock they are measured by; nothing is cut early, and at most two of these late.
pub const STALL_SWEEP_MS: u64 = 250;

/// The first part of a request body is not measured against `body_rate_bytes_per_s_min`, in milliseconds: a slow start is
/// not an attack.
pub const BODY_RATE_GRACE_MS: u64 = 5_000;

/// Extensions of the chunks of one request body, together: nobody reads them, and they are not part of the body that
/// `body_bytes_max` bounds (CVE-2023-39326).
pub const CHUNK_EXTENSION_BYTES_MAX: usize = 8 * 1024;

/// What is reserved for a request body before any of it has come. Its declared length is only a claim.
pub const BODY_RESERVE_BYTES_MAX: u64 = 64 * KIB;

/// The part of a request body that nobody wanted and that is read all the same, so that the connection can go on.
pub const BODY_DISCARD_BYTES_MAX: u64 = 64 * KIB;

/// After an answer that closes a connection in mid-request, the rest of the request is thrown away for so long: closing a
/// socket with unread bytes sends a reset, which can destroy the answer on its way (RFC 9112 section 9.6). On HTTP/2 so is the rest
/// of a stream, before it is reset. In milliseconds.
pub const LINGER_MS_MAX: u64 = 2_000;

/// And at most so much of it: several times what a body may have by default, so that a client that sends one a little too large
/// reads why.
pub const LINGER_BYTES_MAX: u64 = 4 * 1_024 * KIB;

/// A client that has closed its side is answered if that takes no longer than this, in milliseconds. Most that do so have gone,
/// which shows only when they are written to, and a call for nobody holds an instance.
pub const HALF_CLOSED_MS_MAX: u64 = 5_000;

/// A connection that was asked to close in good order is cut after so long, in milliseconds.
pub const CLOSE_WAIT_MS_MAX: u64 = 5_000;

/// An answer of fewer bytes is sent as it is: with its head it fits into one packet, coded or not.
pub const COMPRESSION_BYTES_MIN: u64 = 1_024;

/// What is coded or decoded of a body until its neighbours on the worker have their turn: a quarter of a millisecond or two.
pub const CODING_SLICE_BYTES: usize = 32 * 1024;

/// Answers of more than one slice that are coded at the same time. Each takes up to two mebibytes of working memory. A further
/// one is sent as it is.
pub const COMPRESSIONS_MAX: usize = 32;

/// Request bodies that are decoded at the same time. Each takes a window of up to sixteen mebibytes (Brotli's largest). A
/// further one waits.
pub const DECOMPRESSIONS_MAX: usize = 16;

/// What may come out of a coded request body for each byte of it. JSON and XML of the most tedious kind reach some fifty;
/// deflate's own most is a thousand, and a bomb is near it.
pub const DECOMPRESSION_RATIO_MAX: u64 = 100;

/// So much may come out whatever went in: a few bytes of nothing but zeros are no attack.
pub const DECOMPRESSION_UNMEASURED_BYTES: u64 = 64 * KIB;

/// Codings of one request body, one over the other. Nobody has a reason for more than one.
pub const CODINGS_MAX: usize = 2;

/// Members of one gzip body, or frames of one Zstandard body: each costs time and may be empty.
pub const CODING_MEMBERS_MAX: usize = 64;

/// The window that a Zstandard body may ask for, as a logarithm: 8 MiB, the most that the coding allows (RFC 9659, section 3).
pub const ZSTANDARD_WINDOW_LOG_MAX: u32 = 23;

/// While draining, an idle HTTP/1.1 connection is kept so long for the request that may be on its way, which is answered with
/// `Connection: close`. In milliseconds.
pub const DRAIN_IDLE_MS: u64 = 1_000;

/// The read buffer and the write buffer of an HTTP/1.1 connection, each. Larger only when `header_bytes_max` is.
pub const HTTP1_BUFFER_BYTES_MAX: u64 = 64 * KIB;

/// The largest piece that a guest hands over of a streamed answer, and so the granularity of back-pressure.
pub const STREAM_CHUNK_BYTES_MAX: usize = 16 * 1024;

/// Pieces of a streamed answer that wait to be sent. Past it the guest waits, or is told to.
pub const STREAM_CHUNKS_MAX: usize = 4;

/// A streamed answer that is complete before it is longer than this, and within [`STREAM_GATHER_MS`] of its head, is sent whole,
/// with its length.
pub const STREAM_GATHER_BYTES_MAX: usize = 64 * 1024;

/// How long the head of an answer waits for its body, in milliseconds. Never for a stream of events.
pub const STREAM_GATHER_MS: u64 = 5;

/// The largest HTTP/2 frame taken: the protocol's minimum. A larger one only helps large bodies, and holds more per connection.
pub const HTTP2_FRAME_BYTES_MAX: u32 = 16 * 1024;

/// HTTP/2 frames that ask for nothing (PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA, unknown ones) that a peer may have
/// sent ahead of what it is entitled to by its requests, their answers and time. Past it the connection ends.
pub const HTTP2_IDLE_FRAMES_MAX: u64 = 1_000;

/// So many of them are free each second: keep-alive takes one in some seconds.
pub const HTTP2_IDLE_FRAMES_PER_S: u64 = 10;

/// What is buffered of one HTTP/2 stream's answer below the flow control.
pub const HTTP2_SEND_BUFFER_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_lies_in_its_range_and_says_why() {
        for definition in HostLimits::DEFINITIONS.iter().chain(PluginLimits::DEFINITIONS) {
            assert!(definition.floor <= definition.default, "{}", definition.name);
            assert!(definition.default <= definition.ceiling, "{}", definition.name);
            assert!(definition.reason.len() > 15, "{}", definition.name);
        }
    }

    #[test]
    fn a_value_out_of_range_is_refused_with_its_range() {
        let error = toml::from_str::<PluginLimitOverrides>("cpu_ms_max = 0").unwrap_err().to_string();
        assert!(error.contains("0 is out of range: allowed is 1 to 600000"), "{error}");
        assert!(error.contains("line 1"), "{error}");
    }

    #[test]
    fn an_unknown_limit_is_refused_with_the_known_ones() {
        let error = toml::from_str::<PluginLimitOverrides>("cpu_seconds = 1").unwrap_err().to_string();
        assert!(error.contains("unknown field `cpu_seconds`") && error.contains("cpu_ms_max"), "{error}");
    }
}
