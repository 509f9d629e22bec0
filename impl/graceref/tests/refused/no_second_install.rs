//! A reserved number used after its install.

use graceref::{Pool, Table};

fn main() {
    let pool: Pool<u32> = Pool::new();
    let table = Table::new(&pool);
    let reserved = table.reserve().unwrap();
    reserved.install(pool.insert(1).unwrap()).unwrap();
    reserved.install(pool.insert(2).unwrap()).unwrap();
}
