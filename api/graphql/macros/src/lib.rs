//! `#[paged]` above `#[Object]` turns each argument `page: PageArgs` of a resolver into the page arguments of a Relay
//! connection, `first`, `after`, `last` and `before`, because async-graphql cannot flatten arguments. The resolver gets
//! them as one `PageArgs`; the field's `complexity` may name them.

use proc_macro::TokenStream;
use quote::quote;
use syn::spanned::Spanned as _;
use syn::{
    FnArg, ImplItem, ImplItemFn, ItemImpl, Pat, PatType, Type, parse_macro_input, parse_quote, parse_quote_spanned,
};

/// The limit of clippy::too_many_arguments.
const ARGUMENTS_MAX: usize = 7;

fn is_page(argument: &FnArg) -> bool {
    let FnArg::Typed(PatType { ty, .. }) = argument else { return false };
    matches!(&**ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "PageArgs"))
}

fn expand(method: &mut ImplItemFn) {
    let Some(at) = method.sig.inputs.iter().position(is_page) else { return };
    let mut arguments: Vec<FnArg> = std::mem::take(&mut method.sig.inputs).into_iter().collect();
    let FnArg::Typed(PatType { attrs, pat, ty, .. }) = arguments.remove(at) else { return };
    let span = pat.span();
    // Some descriptions do not name the default.
    let first = if attrs.iter().any(|attribute| attribute.path().is_ident("brief")) {
        "The first n items, at most 100."
    } else {
        "The first n items, at most 100; 20 if neither first nor last is given."
    };
    let page: [FnArg; 4] = [
        parse_quote_spanned!(span=> #[graphql(desc = #first)] first: Option<i32>),
        parse_quote_spanned!(span=> #[graphql(desc = "Only items after this cursor.")] after: Option<String>),
        parse_quote_spanned!(span=> #[graphql(desc = "The last n items, at most 100.")] last: Option<i32>),
        parse_quote_spanned!(span=> #[graphql(desc = "Only items before this cursor.")] before: Option<String>),
    ];
    arguments.splice(at..at, page);
    if arguments.len() > ARGUMENTS_MAX {
        method.attrs.push(parse_quote!(
            #[expect(clippy::too_many_arguments, reason = "the arguments of a Relay connection")]
        ));
    }
    method.sig.inputs = arguments.into_iter().collect();
    let pat: Pat = *pat;
    method.block.stmts.insert(0, parse_quote_spanned!(span=> let #pat = #ty { first, after, last, before };));
}

/// See the crate documentation.
#[proc_macro_attribute]
pub fn paged(_: TokenStream, item: TokenStream) -> TokenStream {
    let mut item = parse_macro_input!(item as ItemImpl);
    for member in &mut item.items {
        if let ImplItem::Fn(method) = member {
            expand(method);
        }
    }
    quote!(#item).into()
}
