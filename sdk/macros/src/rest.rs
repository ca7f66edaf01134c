//! `#[rest]`: an `impl` block of handlers becomes the exports `rest` and `rest-contract`, a function the export `rest` alone.
//!
//! The dispatch is one `match` on the path's segments and one on the method, so nothing is built per request.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, Item, ItemFn, ItemImpl, LitInt, LitStr, Result, ReturnType, Token, Type};

use crate::common::{self, Argument, StyleArguments};

/// The attributes that mark a handler, each with its method.
const METHODS: [(&str, &str); 5] =
    [("get", "GET"), ("post", "POST"), ("put", "PUT"), ("patch", "PATCH"), ("delete", "DELETE")];

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let style = StyleArguments::parse(arguments)?;
    match syn::parse2(item)? {
        Item::Impl(block) => routed(&style, block),
        Item::Fn(function) => Ok(raw(&style, &function)),
        other => Err(Error::new_spanned(other, "#[rest] stands on an impl block or on one function")),
    }
}

fn raw(style: &StyleArguments, function: &ItemFn) -> TokenStream {
    let name = &function.sig.ident;
    let entry = style.entry();
    let used = common::used(&quote!(<__GuesthouseRest as ::guesthouse_sdk::rest::Plugin>::handle));
    quote! {
        #function

        #[doc(hidden)]
        struct __GuesthouseRest;

        impl ::guesthouse_sdk::rest::Plugin for __GuesthouseRest {
            fn handle(request: ::guesthouse_sdk::rest::Request) -> ::guesthouse_sdk::rest::Response {
                #entry
                ::guesthouse_sdk::rest::IntoResponse::into_response(#name(request))
            }
        }

        #used

        #[cfg(target_arch = "wasm32")]
        ::guesthouse_sdk::bindings::rest::export_rest!(
            __GuesthouseRest with_types_in ::guesthouse_sdk::bindings::rest
        );
    }
}

/// One segment of a path template. Literals sort before placeholders, so that they are tried first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    Placeholder,
}

/// What stands in a handler's attribute: `"/items/{id}", answers(200: Item ["etag"], 404), scopes("a")`.
struct Route {
    template: LitStr,
    answers: Vec<DeclaredAnswer>,
    scopes: Vec<LitStr>,
}

struct DeclaredAnswer {
    status: LitInt,
    ty: Option<Type>,
    headers: Vec<LitStr>,
}

impl Parse for DeclaredAnswer {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let status: LitInt = input.parse()?;
        if !(200..=599).contains(&status.base10_parse::<u16>()?) {
            return Err(Error::new(status.span(), "a status is 200 to 599"));
        }
        let mut ty = None;
        if input.peek(Token![:]) {
            input.parse::<Token![:]>()?;
            ty = Some(input.parse()?);
        }
        let mut headers = Vec::new();
        if input.peek(syn::token::Bracket) {
            let content;
            syn::bracketed!(content in input);
            headers = content.parse_terminated(<LitStr as Parse>::parse, Token![,])?.into_iter().collect();
        }
        Ok(Self { status, ty, headers })
    }
}

impl Parse for Route {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut route = Self { template: input.parse()?, answers: Vec::new(), scopes: Vec::new() };
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let word: Ident = input.parse()?;
            let content;
            syn::parenthesized!(content in input);
            if word == "answers" {
                route.answers =
                    content.parse_terminated(DeclaredAnswer::parse, Token![,])?.into_iter().collect();
            } else if word == "scopes" {
                route.scopes =
                    content.parse_terminated(<LitStr as Parse>::parse, Token![,])?.into_iter().collect();
            } else {
                return Err(Error::new(word.span(), "`answers(...)` or `scopes(...)` is expected here"));
            }
        }
        Ok(route)
    }
}

struct Handler {
    method: &'static str,
    function: syn::ImplItemFn,
    route: Route,
    segments: Vec<Segment>,
    /// Placeholder names by the place of their segment.
    placeholders: Vec<(usize, String)>,
    arguments: Vec<Argument>,
}

impl Handler {
    fn new(attribute: &syn::Attribute, function: syn::ImplItemFn) -> Result<Self> {
        let method = METHODS
            .iter()
            .find(|(name, _)| attribute.path().is_ident(name))
            .map_or("GET", |(_, method)| method);
        let route: Route = attribute.parse_args()?;
        let text = route.template.value();
        let error = |message: &str| Error::new(route.template.span(), message);
        let Some(below) = text.strip_prefix('/') else {
            return Err(error("a path template begins with `/`"));
        };
        let mut segments = Vec::new();
        let mut placeholders: Vec<(usize, String)> = Vec::new();
        for (at, segment) in below.split('/').enumerate() {
            if let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                if syn::parse_str::<Ident>(name).is_err()
                    && syn::parse_str::<Ident>(&format!("r#{name}")).is_err()
                {
                    return Err(error("a placeholder is named like an argument: `{id}`"));
                }
                if placeholders.iter().any(|(_, other)| other == name) {
                    return Err(error("a placeholder stands once in a path"));
                }
                placeholders.push((at, name.to_owned()));
                segments.push(Segment::Placeholder);
            } else if segment.contains(['{', '}', '?', '#', '%']) {
                return Err(error("a segment is either literal text or one whole `{placeholder}`"));
            } else {
                segments.push(Segment::Literal(segment.to_owned()));
            }
        }
        let arguments = common::arguments(&function)?;
        for (_, name) in &placeholders {
            if !arguments.iter().any(|argument| common::plain(&argument.name) == *name) {
                return Err(error(&format!("no argument is named `{name}` like the placeholder")));
            }
        }
        Ok(Self { method, function, route, segments, placeholders, arguments })
    }

    fn placeholder_of(&self, argument: &Argument) -> Option<(usize, &str)> {
        let name = common::plain(&argument.name);
        self.placeholders.iter().find(|(_, other)| *other == name).map(|(at, name)| (*at, name.as_str()))
    }

    /// The arm's expression: reads every argument, calls the function, makes a response.
    fn call(&self, implementor: &Ident) -> TokenStream {
        let mut reads = Vec::new();
        let mut passed = Vec::new();
        for (at, argument) in self.arguments.iter().enumerate() {
            let local = format_ident!("argument_{at}");
            let ty = &argument.ty;
            if let Some((segment, name)) = self.placeholder_of(argument) {
                let segment = format_ident!("segment_{segment}");
                reads
                    .push(quote!(let #local: #ty = ::guesthouse_sdk::rest::path_argument(#name, #segment)?;));
                passed.push(quote!(#local));
            } else if matches!(ty, Type::Reference(_)) {
                passed.push(quote!(&request));
            } else {
                reads.push(quote!(let #local = <#ty as ::guesthouse_sdk::rest::FromRequest>::from_request(&request)?;));
                passed.push(quote!(#local));
            }
        }
        let name = &self.function.sig.ident;
        quote! {
            ::guesthouse_sdk::rest::answer((|| {
                #(#reads)*
                ::core::result::Result::Ok(::guesthouse_sdk::rest::IntoResponse::into_response(
                    #implementor::#name(#(#passed),*)
                ))
            })())
        }
    }

    /// The endpoint's description.
    fn describe(&self) -> TokenStream {
        let method = self.method;
        let path = &self.route.template;
        let operation = common::plain(&self.function.sig.ident);
        let summary = common::summary(&self.function.attrs);
        let mut steps = Vec::new();
        for argument in &self.arguments {
            let ty = &argument.ty;
            if let Some((_, name)) = self.placeholder_of(argument) {
                let help = common::summary(&argument.attributes);
                steps.push(quote!(::guesthouse_sdk::rest::contract::path_parameter::<#ty>(&mut endpoint, #name, #help);));
            } else if !matches!(ty, Type::Reference(_)) {
                steps.push(quote!(<#ty as ::guesthouse_sdk::rest::FromRequest>::describe(&mut endpoint);));
            }
        }
        match &self.function.sig.output {
            ReturnType::Default => {
                steps.push(quote!(<() as ::guesthouse_sdk::rest::IntoResponse>::describe(&mut endpoint);));
            }
            ReturnType::Type(_, ty) if !matches!(**ty, Type::ImplTrait(_)) => {
                steps.push(quote!(<#ty as ::guesthouse_sdk::rest::IntoResponse>::describe(&mut endpoint);));
            }
            ReturnType::Type(..) => {}
        }
        for answer in &self.route.answers {
            let (status, headers) = (&answer.status, &answer.headers);
            let schema = match &answer.ty {
                Some(ty) => quote!(::core::option::Option::Some(<#ty as ::guesthouse_sdk::Schema>::schema())),
                None => quote!(::core::option::Option::None),
            };
            steps.push(quote! {
                ::guesthouse_sdk::rest::contract::answer(&mut endpoint, #status, #schema, &[#(#headers),*]);
            });
        }
        let scopes = &self.route.scopes;
        quote! {{
            let mut endpoint =
                ::guesthouse_sdk::rest::contract::endpoint(#method, #path, #operation, #summary, &[#(#scopes),*]);
            #(#steps)*
            endpoint
        }}
    }
}

fn routed(style: &StyleArguments, mut block: ItemImpl) -> Result<TokenStream> {
    let implementor = common::implementor(&block)?;
    let marks = METHODS.map(|(name, _)| name);
    let mut handlers = Vec::new();
    for (attribute, function) in common::take_marked(&mut block, &marks)? {
        handlers.push(Handler::new(&attribute, function)?);
    }
    if handlers.is_empty() {
        return common::fail(
            "mark at least one function with #[get(\"/path\")], #[post], #[put], #[patch] or #[delete]",
        );
    }
    common::strip_argument_attributes(&mut block);

    // Templates of one shape share an arm; the order of the map puts literals before placeholders.
    let mut shapes: BTreeMap<Vec<Segment>, Vec<&Handler>> = BTreeMap::new();
    for handler in &handlers {
        let same = shapes.entry(handler.segments.clone()).or_default();
        if let Some(other) = same.iter().find(|other| other.method == handler.method) {
            let text = format!("`{}` already answers this", other.function.sig.ident);
            return Err(Error::new(handler.route.template.span(), text));
        }
        same.push(handler);
    }
    let most_segments = shapes.keys().map(Vec::len).max().unwrap_or(1);
    let mut arms = Vec::new();
    for (shape, same) in &shapes {
        let mut patterns = Vec::new();
        let mut guards = Vec::new();
        for (at, segment) in shape.iter().enumerate() {
            match segment {
                Segment::Literal(text) => patterns.push(quote!(#text)),
                Segment::Placeholder => {
                    let local = format_ident!("segment_{at}");
                    guards.push(quote!(!#local.is_empty()));
                    patterns.push(quote!(#local));
                }
            }
        }
        let guard = if guards.is_empty() { TokenStream::new() } else { quote!(if #(#guards)&&*) };
        let mut allowed = Vec::new();
        let mut methods = Vec::new();
        for handler in same {
            let method = handler.method;
            allowed.push(method);
            let call = handler.call(&implementor);
            if method == "GET" {
                allowed.push("HEAD");
                methods.push(quote!("GET" | "HEAD" => #call,));
            } else {
                methods.push(quote!(#method => #call,));
            }
        }
        allowed.push("OPTIONS");
        let allowed = allowed.join(", ");
        arms.push(quote! {
            [#(#patterns),*] #guard => match request.method.as_str() {
                #(#methods)*
                method => ::guesthouse_sdk::rest::other_method(method, #allowed),
            },
        });
    }
    let entry = style.entry();
    let endpoints = handlers.iter().map(Handler::describe);
    let used = common::used(&quote!(
        <#implementor as ::guesthouse_sdk::rest::Plugin>::handle,
        <#implementor as ::guesthouse_sdk::rest::Described>::endpoints
    ));
    Ok(quote! {
        #block

        #used

        impl ::guesthouse_sdk::rest::Plugin for #implementor {
            fn handle(request: ::guesthouse_sdk::rest::Request) -> ::guesthouse_sdk::rest::Response {
                #entry
                let segments = ::guesthouse_sdk::rest::Segments::<#most_segments>::split(&request.path);
                match segments.as_slice() {
                    #(#arms)*
                    _ => ::guesthouse_sdk::rest::unknown_path(),
                }
            }
        }

        impl ::guesthouse_sdk::rest::Described for #implementor {
            fn endpoints() -> ::std::vec::Vec<::guesthouse_sdk::rest::contract::Endpoint> {
                ::std::vec![#(#endpoints),*]
            }
        }

        #[cfg(target_arch = "wasm32")]
        ::guesthouse_sdk::bindings::rest::export_rest!(
            #implementor with_types_in ::guesthouse_sdk::bindings::rest
        );
        #[cfg(target_arch = "wasm32")]
        ::guesthouse_sdk::bindings::rest_contract::export_rest_contract!(
            #implementor with_types_in ::guesthouse_sdk::bindings::rest_contract
        );
    })
}
