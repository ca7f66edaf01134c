//! The contract as Rust: what `wit-bindgen` makes of `wit/`. One module per world, so that a plugin exports the styles it
//! has and no other. The imports stand in a world of their own; those a plugin does not call are dropped when the
//! component is made.

#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]

/// What a plugin may import.
pub mod imports {
    wit_bindgen::generate!({
        path: "../wit",
        world: "guesthouse:plugin/capabilities",
        generate_all,
        generate_unused_types: true,
        additional_derives: [PartialEq, Eq],
        additional_derives_ignore: ["bucket", "pollable"],
        disable_run_ctors_once_workaround: true,
    });
}

/// The export `rest`.
pub mod rest {
    wit_bindgen::generate!({
        path: "../wit",
        world: "guesthouse:plugin/rest-plugin",
        pub_export_macro: true,
        export_macro_name: "export_rest",
        default_bindings_module: "::guesthouse_sdk::bindings::rest",
        additional_derives: [PartialEq, Eq],
        disable_run_ctors_once_workaround: true,
    });
    pub use exports::guesthouse::plugin::rest::*;
}

/// The export `rest-contract`, in a world of its own beside `rest`, so that both worlds speak of one `rest`.
pub mod rest_contract {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package guesthouse:sdk; world rest-contract-plugin { export guesthouse:plugin/rest-contract@1.0.0; }",
        world: "guesthouse:sdk/rest-contract-plugin",
        pub_export_macro: true,
        export_macro_name: "export_rest_contract",
        default_bindings_module: "::guesthouse_sdk::bindings::rest_contract",
        additional_derives: [PartialEq, Eq],
        disable_run_ctors_once_workaround: true,
    });
    pub use exports::guesthouse::plugin::rest_contract::*;
}

/// The export `rpc`.
pub mod rpc {
    wit_bindgen::generate!({
        path: "../wit",
        world: "guesthouse:plugin/rpc-plugin",
        pub_export_macro: true,
        export_macro_name: "export_rpc",
        default_bindings_module: "::guesthouse_sdk::bindings::rpc",
        additional_derives: [PartialEq, Eq],
        disable_run_ctors_once_workaround: true,
    });
    pub use exports::guesthouse::plugin::rpc::*;
}

/// The export `soap`.
pub mod soap {
    wit_bindgen::generate!({
        path: "../wit",
        world: "guesthouse:plugin/soap-plugin",
        pub_export_macro: true,
        export_macro_name: "export_soap",
        default_bindings_module: "::guesthouse_sdk::bindings::soap",
        additional_derives: [PartialEq, Eq],
        disable_run_ctors_once_workaround: true,
    });
    pub use exports::guesthouse::plugin::soap::*;
}

/// The export `websocket`.
pub mod websocket {
    wit_bindgen::generate!({
        path: "../wit",
        world: "guesthouse:plugin/websocket-plugin",
        pub_export_macro: true,
        export_macro_name: "export_websocket",
        default_bindings_module: "::guesthouse_sdk::bindings::websocket",
        additional_derives: [PartialEq, Eq],
        disable_run_ctors_once_workaround: true,
    });
    pub use exports::guesthouse::plugin::websocket::*;
}
