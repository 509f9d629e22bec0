//! A reserved number given back after its install.

use graceref::{Pool, Table};

fn main() {
    let pool: Pool<u32> = Pool::new();
    let table = Table::new(&pool);
    let reserved = table.reserve().unwrap();
    reserved.install(pool.insert(1).unwrap()).unwrap();
    drop(reserved);
}
