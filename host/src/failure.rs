//! The one closed list of what can go wrong with a request, and what its caller is told.
//!
//! Owns the public text and the HTTP status of every failure. Refuses to know how a style words it (each file in
//! `protocol` renders it in its own form) and what exactly happened inside: that goes to the log where it is known, because a
//! caller must never see a path, a guest's trap text or a secret.

use http::HeaderValue;
use http::StatusCode;

/// Why a request is not answered by its plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The head is not one that may be passed on; the text says which rule it breaks.
    BadRequest(&'static str),
    /// The body ended early or its framing was broken.
    BodyBroken,
    /// The body came too slowly.
    BodyTimeout,
    /// The body is over `body_bytes_max`, or is far larger than what was sent of it.
    BodyTooLarge,
    /// The body is not what its content coding makes of one.
    BodyMiscoded,
    /// The request target is over `uri_bytes_max`.
    UriTooLong,
    /// The head came too slowly.
    HeadTimeout,
    /// The version is not one of HTTP/1.1, HTTP/1.0 and HTTP/2.
    VersionNotSupported,
    /// The header fields are over `header_bytes_max` or `header_count_max`.
    HeadTooLarge,
    /// The caller did not say who it is, or not credibly. One `WWW-Authenticate` line per challenge.
    Unauthenticated {
        /// The values of the `WWW-Authenticate` lines.
        challenges: Vec<HeaderValue>,
    },
    /// The credentials are not of their scheme's form (two of them, or a malformed one).
    BadCredentials,
    /// The caller is known and may not do this.
    Forbidden {
        /// What `WWW-Authenticate` says of the missing scope, where the scheme has a way to say it.
        challenge: Option<HeaderValue>,
    },
    /// A page of this origin may not connect: a browser would send the visitor's credentials along.
    OriginRefused,
    /// Nothing is served here.
    NotFound,
    /// The path is served, but not with this method.
    MethodNotAllowed {
        /// The value of `Allow`.
        allow: String,
    },
    /// The method is none that the host knows.
    MethodUnknown,
    /// None of the media types the caller accepts can be had.
    NotAcceptable {
        /// The ones that can.
        available: Vec<String>,
    },
    /// None of the content codings the client accepts can be had, and the body as it is neither.
    CodingNotAcceptable,
    /// The body's content coding is not one that is read here.
    CodingUnsupported {
        /// Those that are; the value of `Accept-Encoding`.
        accept: &'static str,
    },
    /// The body's media type is not one that is taken here.
    UnsupportedMediaType {
        /// The media types that are taken; the value of `Accept` (of `Accept-Patch` for PATCH).
        accept: String,
    },
    /// `Expect` asks for something else than `100-continue`.
    ExpectationFailed,
    /// WebSocket: this is an endpoint for WebSocket only, or the version is not 13.
    UpgradeRequired,
    /// The plugin has as many calls in flight as it may have, or the host has.
    Overloaded,
    /// The host is shutting down.
    ShuttingDown,
    /// The plugin trapped.
    PluginTrapped,
    /// The plugin used up its CPU or wall time.
    PluginOutOfTime,
    /// The plugin used up its memory.
    PluginOutOfMemory,
    /// The plugin's answer cannot be sent: too large, or not of the style's form.
    PluginAnswerInvalid,
    /// A defect of the host.
    Internal,
}

impl Failure {
    /// The HTTP status for styles that say it with one.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::BodyBroken | Self::BodyMiscoded | Self::BadCredentials => {
                StatusCode::BAD_REQUEST
            }
            Self::BodyTimeout | Self::HeadTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::VersionNotSupported => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Unauthenticated { .. } => StatusCode::UNAUTHORIZED,
            Self::Forbidden { .. } | Self::OriginRefused => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::MethodUnknown => StatusCode::NOT_IMPLEMENTED,
            Self::NotAcceptable { .. } | Self::CodingNotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::UnsupportedMediaType { .. } | Self::CodingUnsupported { .. } => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::ExpectationFailed => StatusCode::EXPECTATION_FAILED,
            Self::UpgradeRequired => StatusCode::UPGRADE_REQUIRED,
            Self::Overloaded | Self::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
            Self::PluginTrapped | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::PluginOutOfTime => StatusCode::GATEWAY_TIMEOUT,
            Self::PluginOutOfMemory | Self::PluginAnswerInvalid => StatusCode::BAD_GATEWAY,
        }
    }

    /// One sentence for the caller. Fixed text: nothing of the request, the plugin or the host is in it.
    #[must_use]
    pub fn public(&self) -> &'static str {
        match self {
            Self::BadRequest(rule) => rule,
            Self::BodyBroken => "The request body ended early or is not framed correctly.",
            Self::BodyTimeout => "The request body came too slowly.",
            Self::HeadTimeout => "The request line and header fields came too slowly.",
            Self::VersionNotSupported => "This service speaks HTTP/1.1, HTTP/1.0 and HTTP/2.",
            Self::BodyTooLarge => "The request body is larger than this service takes.",
            Self::BodyMiscoded => "The request body is not what its content coding says.",
            Self::UriTooLong => "The request target is longer than this service takes.",
            Self::HeadTooLarge => "The header fields are larger or more than this service takes.",
            Self::Unauthenticated { .. } => "Credentials are missing or not valid.",
            Self::BadCredentials => "The credentials are not of a form this service reads.",
            Self::Forbidden { .. } => "These credentials do not allow this.",
            Self::OriginRefused => "Pages of this origin may not connect here.",
            Self::NotFound => "Nothing is served at this path.",
            Self::MethodNotAllowed { .. } => "This path is not served with this method.",
            Self::MethodUnknown => "This service does not know the method.",
            Self::NotAcceptable { .. } => "None of the accepted media types is available.",
            Self::CodingNotAcceptable => "None of the accepted content codings is available.",
            Self::CodingUnsupported { .. } => "The content coding of the body is not read here.",
            Self::UnsupportedMediaType { .. } => "The media type of the body is not taken here.",
            Self::ExpectationFailed => "The expectation cannot be met.",
            Self::UpgradeRequired => "This endpoint speaks WebSocket, version 13.",
            Self::Overloaded => "The service is at capacity. Try again shortly.",
            Self::ShuttingDown => "The service is shutting down.",
            Self::PluginTrapped => "The service failed on this request.",
            Self::PluginOutOfTime => "The service did not answer within its time.",
            Self::PluginOutOfMemory => "The service ran out of memory on this request.",
            Self::PluginAnswerInvalid => "The service gave an answer that cannot be sent.",
            Self::Internal => "The host failed on this request.",
        }
    }

    /// Whether the connection must close after the answer, because what follows on it cannot be trusted or is not wanted.
    #[must_use]
    pub fn closes_connection(&self) -> bool {
        matches!(
            self,
            Self::BadRequest(_)
                | Self::BodyBroken
                | Self::BodyTimeout
                | Self::BodyTooLarge
                | Self::HeadTimeout
                | Self::VersionNotSupported
                | Self::UriTooLong
                | Self::HeadTooLarge
                | Self::ShuttingDown
        )
    }

    /// Seconds for `Retry-After`, where waiting helps.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u32> {
        matches!(self, Self::Overloaded | Self::ShuttingDown).then_some(1)
    }
}
