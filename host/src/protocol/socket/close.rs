//! Why a connection ends: the codes of RFC 6455, section 7.4, and of IANA's registry.

use std::borrow::Cow;

use super::frame::CONTROL_BYTES_MAX;

/// What a close frame holds beside its code.
pub const REASON_BYTES_MAX: usize = CONTROL_BYTES_MAX - 2;

/// A close code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code(pub u16);

impl Code {
    /// The host is shutting down, or the plugin is gone.
    pub const AWAY: Self = Self(1001);
    /// The peer broke the protocol.
    pub const PROTOCOL: Self = Self(1002);
    /// The peer sent a kind of message that is not taken here.
    pub const UNSUPPORTED: Self = Self(1003);
    /// The peer closed without a code. Never sent.
    pub const NONE: Self = Self(1005);
    /// The connection broke. Never sent.
    pub const ABNORMAL: Self = Self(1006);
    /// Text that is no UTF-8, or compressed data that cannot be inflated.
    pub const INVALID: Self = Self(1007);
    /// The caller may not go on, for example because its credentials have expired.
    pub const POLICY: Self = Self(1008);
    /// The message is over its limit.
    pub const TOO_LARGE: Self = Self(1009);
    /// The plugin failed.
    pub const INTERNAL: Self = Self(1011);
    /// Too much is going on, or the peer reads too slowly.
    pub const TRY_AGAIN: Self = Self(1013);

    /// Whether an endpoint may put this code on the wire: those of the specification that are not reserved, those registered
    /// since, those of libraries and applications.
    #[must_use]
    pub fn may_be_sent(code: u16) -> bool {
        matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

/// A close frame with a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// Why.
    pub code: Code,
    /// At most [`REASON_BYTES_MAX`]; a longer one is left out.
    pub reason: Cow<'static, str>,
}

impl Close {
    /// A close frame with a fixed sentence.
    #[must_use]
    pub const fn new(code: Code, reason: &'static str) -> Self {
        Self { code, reason: Cow::Borrowed(reason) }
    }

    /// The frame's payload.
    pub(super) fn payload(&self) -> Vec<u8> {
        let mut payload = self.code.0.to_be_bytes().to_vec();
        if self.reason.len() <= REASON_BYTES_MAX {
            payload.extend_from_slice(self.reason.as_bytes());
        }
        payload
    }
}
