//! The attribute `websocket`: exports an `impl Handler for`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemImpl;
use syn::parse::Parser as _;
use syn::spanned::Spanned as _;

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let mut pure = false;
    let parser = syn::meta::parser(|meta| match meta.path.is_ident("pure") {
        true => {
            pure = true;
            Ok(())
        }
        false => Err(meta.error("unknown; there is `pure`")),
    });
    parser.parse2(arguments)?;
    let block: ItemImpl = syn::parse2(item)?;
    if block.trait_.is_none() {
        let text = "the attribute stands on `impl guesthouse_sdk::websocket::Handler for ...`";
        return Err(syn::Error::new(block.self_ty.span(), text));
    }
    if !block.generics.params.is_empty() {
        let text = "a plugin is exported once, so its type has no parameters";
        return Err(syn::Error::new(block.generics.span(), text));
    }
    let owner = &block.self_ty;
    let enter = if pure { quote!() } else { quote!(::guesthouse_sdk::panic::install();) };
    Ok(quote! {
        #block

        const _: () = {
            use ::guesthouse_sdk::websocket as __websocket;

            struct __Export;

            impl ::guesthouse_sdk::bindings::websocket::Guest for __Export {
                fn on_open(
                    connection: __websocket::Handshake,
                ) -> ::core::result::Result<__websocket::Acceptance, __websocket::Rejection> {
                    #enter
                    __websocket::run::open::<#owner>(connection)
                }

                fn on_message(
                    connection: u64,
                    state: ::std::vec::Vec<u8>,
                    message: __websocket::Message,
                ) -> ::std::vec::Vec<__websocket::Action> {
                    #enter
                    __websocket::run::message::<#owner>(connection, &state, message)
                }

                fn on_close(
                    connection: u64,
                    state: ::std::vec::Vec<u8>,
                    code: u16,
                ) -> ::std::vec::Vec<__websocket::Action> {
                    #enter
                    __websocket::run::close::<#owner>(connection, &state, code)
                }
            }

            ::guesthouse_sdk::bindings::websocket::export_websocket!(__Export);
        };
    })
}
