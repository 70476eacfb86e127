//! How a mutation is executed: its input becomes a command, and the command's result a payload. Also the fields that all
//! inputs and payloads share.

use async_graphql::{Context, ID};
use domain::kernel::Error;
use domain::runtime::Command;

use crate::error::{UserError, payload_parts};
use crate::guard::{cx, signed_in};
use crate::inputs::check_strings;
use crate::scalars::int;

/// Executes a command of a signed-in caller and splits its result into the parts of a payload.
pub fn execute<C: Command>(
    ctx: &Context<'_>,
    idempotency_key: Option<String>,
    command: impl FnOnce() -> Result<C, Error>,
) -> impl Future<Output = async_graphql::Result<(Option<C::Output>, Vec<UserError>)>> {
    execute_list(ctx, idempotency_key, move || check_input(ctx).and_then(|()| command()))
}

/// Checks the strings of a mutation's input.
fn check_input(ctx: &Context<'_>) -> Result<(), Error> {
    // The resolver has its arguments, so they can be read.
    for (_, input) in ctx.field().arguments().unwrap_or_default() {
        check_strings("", &input)?;
    }
    Ok(())
}

/// The same for a list whose items are refused one by one: the command checks their strings.
pub async fn execute_list<C: Command>(
    ctx: &Context<'_>,
    idempotency_key: Option<String>,
    command: impl FnOnce() -> Result<C, Error>,
) -> async_graphql::Result<(Option<C::Output>, Vec<UserError>)> {
    // Authentication comes before validation: an anonymous caller learns nothing about the input.
    let outcome = match signed_in(ctx).and_then(|_| command()) {
        Ok(command) => cx(ctx).execute(&command, idempotency_key.as_deref()).await,
        Err(error) => Err(error),
    };
    payload_parts(ctx, outcome)
}

/// The id that a command returns, as a field of its payload.
pub async fn returned_id<T: ToString>(_: &Context<'_>, id: Option<T>) -> async_graphql::Result<Option<ID>> {
    Ok(id.map(|id| id.to_string().into()))
}

/// The number that a command returns, as a field of its payload.
pub async fn returned_count<N: TryInto<i32>>(_: &Context<'_>, count: Option<N>) -> async_graphql::Result<Option<i32>> {
    Ok(count.map(int))
}

/// Declares mutations that each execute one command:
///
/// ```text
/// /// Mutations of …
/// pub struct FooMutation;
///
/// /// Description of the mutation.
/// save_foo("Description of its argument.")
/// /// Description of the input.
/// SaveFooInput { fields } => SaveFoo { … } => SaveFooPayload {
///     /// Description of the field.
///     foo: Option<FooNode> = foo,
/// }
/// ```
///
/// The command is an expression of the input's fields, and may use `?` on a `Result<_, domain::kernel::Error>`. The
/// payload has one field: what the command returned or, if `= load` is given, the result of `load(ctx, returned)`. What
/// was returned is `None` if the mutation was refused.
///
/// Without `pub struct`, the list declares only inputs and payloads, `Input { fields } => Payload { fields }`; their
/// resolvers are written out.
///
/// - An input also gets `idempotencyKey`; write `(without idempotency_key)` or `(/// description idempotency_key)` after
///   its fields for none or another description.
/// - A payload also gets `userErrors`; write `(/// description user_errors)` after its fields for another description.
/// - `input { fields }` and `payload { fields }` at the top name fields that all of the list have.
macro_rules! mutations {
    (@each [] $inputs:tt $payloads:tt $(
        $(#[$doc:meta])*
        $input:ident $input_fields:tt $(($($key:tt)*))? =>
        $(#[$payload_doc:meta])*
        $payload:ident $payload_fields:tt $(($($errors:tt)*))?
    )*) => {$(
        $crate::execute::mutations! { @input [$(#[$doc])*] $input $inputs $input_fields ($($($key)*)?) }
        $crate::execute::mutations! {
            @payload [$(#[$payload_doc])*] $payload $payloads $payload_fields ($($($errors)*)?)
        }
    )*};
    (@each [$(#[$about:meta])* $object:ident] $inputs:tt $payloads:tt $(
        $(#[$about_mutation:meta])*
        $mutation:ident($argument:tt)
        $(#[$doc:meta])*
        $input:ident $input_fields:tt $(($($key:tt)*))? => $command:expr =>
        $(#[$payload_doc:meta])*
        $payload:ident $payload_fields:tt $(($($errors:tt)*))?
    )*) => {
        $crate::execute::mutations! {
            @each [] $inputs $payloads $(
                $(#[$doc])*
                $input $input_fields $(($($key)*))? =>
                $(#[$payload_doc])*
                $payload $payload_fields $(($($errors)*))?
            )*
        }

        $(#[$about])*
        #[derive(Default)]
        pub struct $object;

        #[async_graphql::Object]
        impl $object {$(
            $(#[$about_mutation])*
            async fn $mutation(
                &self,
                ctx: &async_graphql::Context<'_>,
                #[graphql(desc = $argument)] input: $input,
            ) -> async_graphql::Result<$payload> {
                $crate::execute::mutations! {
                    @resolve ctx input $input $inputs $input_fields $command, $payload $payloads $payload_fields
                }
            }
        )*}
    };
    (@input $doc:tt $input:ident $shared:tt $fields:tt ()) => {
        $crate::execute::mutations! {
            @input $doc $input $shared $fields (
                /// Idempotency key: a repeated call with the same key and input returns the first answer, for 24 h.
                idempotency_key
            )
        }
    };
    (@input [$($doc:tt)*] $input:ident {$($shared:tt)*} {$($field:tt)*} (without idempotency_key)) => {
        $crate::execute::mutations! {
            @struct [$($doc)* #[derive(async_graphql::InputObject)]] $input { $($shared)* $($field)* }
        }
    };
    (@input [$($doc:tt)*] $input:ident {$($shared:tt)*} {$($field:tt)*} ($(#[$key:meta])+ idempotency_key)) => {
        $crate::execute::mutations! {
            @struct [$($doc)* #[derive(async_graphql::InputObject)]] $input {
                $($shared)*
                $($field)*
                $(#[$key])+
                idempotency_key: Option<String>,
            }
        }
    };
    (@payload [] $($payload:tt)*) => {
        $crate::execute::mutations! {
            @payload [
                /// The result of the mutation.
            ] $($payload)*
        }
    };
    (@payload $doc:tt $payload:ident $shared:tt $fields:tt ()) => {
        $crate::execute::mutations! {
            @payload $doc $payload $shared $fields (
                /// Why the mutation was refused; empty if it succeeded.
                user_errors
            )
        }
    };
    (@payload [$($doc:tt)+] $payload:ident {$($shared:tt)*} {$($field:tt)*} ($(#[$errors:meta])+ user_errors)) => {
        $crate::execute::mutations! {
            @struct [$($doc)+ #[derive(async_graphql::SimpleObject)]] $payload {
                $($shared)*
                $($field)*
                $(#[$errors])+
                user_errors: Vec<$crate::error::UserError>,
            }
        }
    };
    (@struct [$($attribute:tt)*] $name:ident { $($(#[$meta:meta])* $field:ident: $type:ty $(= $load:ident)?,)* }) => {
        $($attribute)*
        pub struct $name { $($(#[$meta])* pub $field: $type,)* }
    };
    (@resolve $ctx:ident $given:ident
        $input:ident {$($inputs:tt)*} {$($input_fields:tt)*} $command:expr,
        $payload:ident {$($payloads:tt)*} {$($payload_fields:tt)*}
    ) => {
        $crate::execute::mutations! {
            @resolve $ctx $given
            $input { $($inputs)* $($input_fields)* } $command,
            $payload { $($payloads)* $($payload_fields)* }
        }
    };
    (@resolve $ctx:ident $given:ident
        $input:ident { $($(#[$meta:meta])* $field:ident: $type:ty,)* } $command:expr,
        $payload:ident { $(#[$returned_meta:meta])* $returned:ident: $returned_type:ty $(= $load:ident)?, }
    ) => {{
        let $input { $($field,)* idempotency_key } = $given;
        let (returned, user_errors) = $crate::execute::execute($ctx, idempotency_key, || Ok($command)).await?;
        // Boxed, because the future of every resolver is part of one large future.
        $(let returned = Box::pin($load($ctx, returned)).await?;)?
        Ok($payload { $returned: returned, user_errors })
    }};
    (@list $object:tt input $inputs:tt payload $payloads:tt $($list:tt)*) => {
        $crate::execute::mutations! { @each $object $inputs $payloads $($list)* }
    };
    (@list $object:tt input $inputs:tt $($list:tt)*) => {
        $crate::execute::mutations! { @each $object $inputs {} $($list)* }
    };
    (@list $object:tt payload $payloads:tt $($list:tt)*) => {
        $crate::execute::mutations! { @each $object {} $payloads $($list)* }
    };
    (@list $object:tt $($list:tt)*) => {
        $crate::execute::mutations! { @each $object {} {} $($list)* }
    };
    ($(#[$about:meta])* pub struct $object:ident; $($list:tt)*) => {
        $crate::execute::mutations! { @list [$(#[$about])* $object] $($list)* }
    };
    ($($list:tt)*) => {
        $crate::execute::mutations! { @list [] $($list)* }
    };
}

pub(crate) use mutations;
