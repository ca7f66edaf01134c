//! Plugins written by hand: core modules in text form, made into components as every toolchain makes them. So what a guest
//! does to the host depends on no compiler and no SDK.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::repository;

/// What the REST guests share.
const COMMON: &str = include_str!("../hostile/common.wat");

/// A plugin of these worlds of the contract, from its text.
#[track_caller]
pub(crate) fn component(worlds: &[&str], text: &str) -> Vec<u8> {
    component_with(worlds, None, text)
}

/// A plugin of these worlds that also exports an interface of its own, `test:guests/mine`, with this content.
#[track_caller]
pub(crate) fn component_with(worlds: &[&str], own: Option<&str>, text: &str) -> Vec<u8> {
    let text = text.replace("(;common;)", COMMON);
    let mut module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"));
    let mut resolve = Resolve::default();
    resolve.push_dir(repository().join("wit")).expect("the contract is valid");
    let includes: String =
        worlds.iter().map(|world| format!("include guesthouse:plugin/{world}@1.0.0;")).collect();
    let (interface, export) = match own {
        Some(own) => (format!("interface mine {{ {own} }}"), "export mine;"),
        None => (String::new(), ""),
    };
    let package = resolve
        .push_str(
            "guest.wit",
            &format!("package test:guests; {interface} world guest {{ {includes} {export} }}"),
        )
        .expect("the world is valid");
    let world = resolve.select_world(&[package], Some("guest")).expect("the world is there");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
        .expect("the module takes its types");
    ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| encoder.encode())
        .unwrap_or_else(|error| panic!("{error:#}"))
}

/// A REST plugin without a contract.
#[track_caller]
pub(crate) fn rest(text: &str) -> Vec<u8> {
    component(&["rest-plugin"], text)
}

/// The same plugin as another file: with a custom section that means nothing and this text in it.
pub(crate) fn with_mark(component: &[u8], mark: &str) -> Vec<u8> {
    let name = "mark";
    let length = u8::try_from(1 + name.len() + mark.len()).expect("a short mark");
    assert!(length < 0x80, "a mark whose length is one byte");
    let name_length = u8::try_from(name.len()).expect("a short name");
    [component, &[0, length, name_length], name.as_bytes(), mark.as_bytes()].concat()
}
