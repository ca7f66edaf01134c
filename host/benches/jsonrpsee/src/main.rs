//! The benchmark's baseline for JSON-RPC that a server in Rust would take: jsonrpsee, on one thread, on a port that the system
//! chooses and the first line of output names.

use jsonrpsee::server::{BatchRequestConfig, Server, ServerConfig};
use jsonrpsee::types::ErrorObjectOwned;
use jsonrpsee::{RpcModule, core::RegisterMethodError};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let config = ServerConfig::builder().set_batch_request_config(BatchRequestConfig::Unlimited).build();
        let server = Server::builder().set_config(config).build("127.0.0.1:0").await?;
        println!("jsonrpsee on http://{}", server.local_addr()?);
        server.start(arithmetic()?).stopped().await;
        Ok(())
    })
}

fn arithmetic() -> Result<RpcModule<()>, RegisterMethodError> {
    let mut module = RpcModule::new(());
    module.register_method("subtract", |parameters, (), _| {
        let (minuend, subtrahend) = parameters.parse::<(i64, i64)>()?;
        minuend
            .checked_sub(subtrahend)
            .ok_or_else(|| ErrorObjectOwned::owned(1, "the result does not fit 64 bits", None::<()>))
    })?;
    Ok(module)
}
