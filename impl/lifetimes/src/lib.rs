//! The executable mirror of Linux file, epoll and dma-buf lifetimes, built on graceref.
