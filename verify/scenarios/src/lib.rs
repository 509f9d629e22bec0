//! One scenario, every engine: the threads of a spec model as they run under lockstep, shuttle, loom and real threads.
