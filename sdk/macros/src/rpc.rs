//! `#[rpc]`: an `impl` block of typed functions becomes the export `rpc`. The dispatch is one `match` on the method's name.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, Ident, ItemImpl, Meta, Result, ReturnType, Type};

use crate::common::{self, Argument, StyleArguments};

struct Method {
    name: String,
    function: syn::ImplItemFn,
    arguments: Vec<Argument>,
}

/// The name an argument has for callers.
fn argument_name(argument: &Argument) -> Result<String> {
    match argument.attributes.iter().find(|attribute| attribute.path().is_ident("name")) {
        Some(attribute) => Ok(common::one_string(attribute)?.value()),
        None => Ok(common::plain(&argument.name)),
    }
}

impl Method {
    fn new(attribute: &syn::Attribute, function: syn::ImplItemFn) -> Result<Self> {
        let name = match &attribute.meta {
            Meta::Path(_) => common::plain(&function.sig.ident),
            _ => {
                let given = common::one_string(attribute)?;
                let name = given.value();
                // The characters of XML-RPC's methodName.
                let fits = |letter: char| letter.is_ascii_alphanumeric() || "_.:/-".contains(letter);
                if name.is_empty() || !name.chars().all(fits) {
                    return Err(Error::new(given.span(), "a method name has letters, digits and `_.:/-`"));
                }
                if name.starts_with("rpc.") || name.starts_with("system.") {
                    return Err(Error::new(
                        given.span(),
                        "names that begin with `rpc.` and `system.` are the host's",
                    ));
                }
                name
            }
        };
        let arguments = common::arguments(&function)?;
        let last = arguments.len().saturating_sub(1);
        for (at, argument) in arguments.iter().enumerate() {
            if common::is_named(&argument.ty, "Variadic") && at != last {
                return Err(Error::new_spanned(&argument.ty, "`Variadic` is the last argument"));
            }
            if common::is_named(&argument.ty, "Params") && arguments.len() != 1 {
                return Err(Error::new_spanned(&argument.ty, "`Params` is the only argument"));
            }
        }
        Ok(Self { name, function, arguments })
    }

    /// The type of the result, and whether the function gives a `Result`.
    fn output(&self) -> (TokenStream, bool) {
        match &self.function.sig.output {
            ReturnType::Default => (quote!(()), false),
            ReturnType::Type(_, ty) if common::is_named(ty, "Result") => match common::first_generic(ty) {
                Some(value) => (quote!(#value), true),
                None => (quote!(::guesthouse_sdk::schema::Value), true),
            },
            ReturnType::Type(_, ty) => (quote!(#ty), false),
        }
    }

    fn arm(&self, implementor: &Ident) -> Result<TokenStream> {
        let mut reads = Vec::new();
        let mut passed = Vec::new();
        for (at, argument) in self.arguments.iter().enumerate() {
            let local = format_ident!("argument_{at}");
            let ty = &argument.ty;
            let name = argument_name(argument)?;
            reads.push(if common::is_named(ty, "Params") {
                quote!(let #local: #ty = arguments.into_params();)
            } else if common::is_named(ty, "Variadic") {
                quote!(let #local: #ty = arguments.take_rest(#at, #name)?;)
            } else {
                quote!(let #local: #ty = arguments.take(#at, #name)?;)
            });
            passed.push(local);
        }
        if !self.arguments.iter().any(|argument| common::is_named(&argument.ty, "Params")) {
            let known = self.arguments.len();
            reads.push(quote!(arguments.finish(#known)?;));
        }
        let (name, function) = (&self.name, &self.function.sig.ident);
        let call = quote!(#implementor::#function(#(#passed),*));
        let answer = match self.output() {
            (_, true) => quote!(::guesthouse_sdk::rpc::answer(&#call?)),
            (_, false) => quote!(::guesthouse_sdk::rpc::answer(&#call)),
        };
        Ok(quote! {
            #name => {
                #[allow(unused_mut, reason = "a method may take no arguments")]
                let mut arguments = ::guesthouse_sdk::rpc::Arguments::parse(params.as_deref())?;
                #(#reads)*
                #answer
            }
        })
    }

    fn describe(&self) -> Result<TokenStream> {
        let mut params = Vec::new();
        let mut variadic = false;
        for argument in &self.arguments {
            let ty: &Type = &argument.ty;
            if common::is_named(ty, "Variadic") || common::is_named(ty, "Params") {
                variadic = true;
                continue;
            }
            let name = argument_name(argument)?;
            let help = common::documentation(&argument.attributes);
            params.push(quote!(::guesthouse_sdk::rpc::param::<#ty>(#name, #help)));
        }
        let name = &self.name;
        let help = common::documentation(&self.function.attrs);
        let (returns, _) = self.output();
        Ok(quote! {
            ::guesthouse_sdk::rpc::method::<#returns>(#name, #help, ::std::vec![#(#params),*], #variadic)
        })
    }
}

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let style = StyleArguments::parse(arguments)?;
    let mut block: ItemImpl = syn::parse2(item)?;
    let implementor = common::implementor(&block)?;
    let mut methods: Vec<Method> = Vec::new();
    for (attribute, function) in common::take_marked(&mut block, &["method"])? {
        let method = Method::new(&attribute, function)?;
        if methods.iter().any(|other| other.name == method.name) {
            return Err(Error::new_spanned(&attribute, "another function already has this method name"));
        }
        methods.push(method);
    }
    if methods.is_empty() {
        return common::fail("mark at least one function with #[method]");
    }
    common::strip_argument_attributes(&mut block);
    let arms = methods.iter().map(|method| method.arm(&implementor)).collect::<Result<Vec<_>>>()?;
    let descriptions = methods.iter().map(Method::describe).collect::<Result<Vec<_>>>()?;
    let entry = style.entry();
    let used = common::used(&quote!(
        <#implementor as ::guesthouse_sdk::rpc::Plugin>::call,
        <#implementor as ::guesthouse_sdk::rpc::Plugin>::methods
    ));
    Ok(quote! {
        #block

        #used

        impl ::guesthouse_sdk::rpc::Plugin for #implementor {
            fn call(
                method: ::std::string::String,
                params: ::core::option::Option<::std::string::String>,
            ) -> ::core::result::Result<::std::string::String, ::guesthouse_sdk::rpc::Failure> {
                #entry
                match method.as_str() {
                    #(#arms)*
                    unknown => ::core::result::Result::Err(::guesthouse_sdk::rpc::Failure::method_not_found(unknown)),
                }
            }

            fn methods() -> ::std::vec::Vec<::guesthouse_sdk::rpc::Method> {
                ::std::vec![#(#descriptions),*]
            }
        }

        #[cfg(target_arch = "wasm32")]
        ::guesthouse_sdk::bindings::rpc::export_rpc!(#implementor with_types_in ::guesthouse_sdk::bindings::rpc);
    })
}
