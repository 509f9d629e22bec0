//! A borrow without a reference from a table that others can see.

use graceref::{Fd, Pool, Table};

fn look(table: &Table<String>) {
    println!("{:?}", table.local().unwrap().borrow(Fd::new(0)));
}

fn main() {
    let pool: Pool<String> = Pool::new();
    look(&Table::new(&pool));
}
