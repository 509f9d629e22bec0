---------------------------- MODULE Wrapper ----------------------------
(* A buffer object of a graphics driver, and the dma-buf that wraps it for
   other drivers: one at a time, made anew when the last one is gone.

   The object remembers its wrapper (prime->dma_buf) and holds no reference
   to it. Each exporter has a handle of its own: it asks for a descriptor,
   which is of the wrapper that is there or of a new one, uses and closes it,
   and drops its handle.

     1  exporter: finds no wrapper
     2  exporter2: finds no wrapper
     3  exporter: exports, and the object remembers
     4  exporter2: exports too: two wrappers of one object

   Fix: "mutex"       as in TTM: lookup and export under prime->mutex, which
                      the wrapper's release takes to be forgotten
        "unlocked"    lookup and export without it
        "get"         under it, but a plain get instead of inc-not-zero
        "file_first"  as "mutex", but __fput frees the struct file before the
                      dentry, as it did up to 2013

   Code: impl/lifetimes/src/file.rs, wrapper.rs *)
EXTENDS Integers, FiniteSets

CONSTANTS Fix, Exporters

ASSUME Fix \in {"mutex", "unlocked", "get", "file_first"}

Locks     == Fix # "unlocked"
FileFirst == Fix = "file_first"

Wrappers == 1..Cardinality(Exporters)
None     == 0

(*
--algorithm Wrapper {
variables
  mutex    = FALSE;                             \* prime->mutex
  dma_buf  = None;                              \* prime->dma_buf: the wrapper, without a reference
  f_count  = [v \in Wrappers |-> 0];            \* of the wrapper's file
  object   = Cardinality(Exporters);            \* the object's references: handles and wrappers
  \* ghosts
  exported = 0;                                 \* how many wrappers there have been
  died     = {};                                \* wrappers whose count has been gone
  released = [v \in Wrappers |-> 0];
  freed    = {};                                \* wrappers whose struct file is free memory
  gone     = {};                                \* wrappers whose dma-buf is
  finished = 0;                                 \* how often the object was freed
  uaf      = FALSE;                             \* free memory was touched

macro touch_file() {
  uaf := uaf \/ w \in freed;
}

macro export() {                                 \* dma_buf_export: a file that nobody knows yet
  exported          := exported + 1;
  w                 := exported;
  f_count[exported] := 1;
  mine              := TRUE;
  goto exp_remember;
}

macro object_put() {
  uaf    := uaf \/ finished > 0;
  object := object - 1;
  if (object = 0) { finished := finished + 1 };
}

fair process (exporter \in Exporters)
variables w = None; seen = 0; mine = FALSE;
{
exp_object_get:                                 \* handle_to_fd: by the handle to the object
  object := object + 1;
  uaf    := uaf \/ finished > 0;
  if (~Locks) { goto exp_load };
exp_lock:
  await ~mutex;
  mutex := TRUE;
exp_load:
  if (dma_buf = None) { export() }
  else { w := dma_buf; if (Fix = "get") { goto exp_get } };
exp_get_load:                                   \* get_dma_buf_unless_doomed
  seen := f_count[w];
  touch_file();
  if (seen = 0) { export() };
exp_get_cas:
  if (f_count[w] # seen) { goto exp_get_load }
  else {
    f_count[w] := seen + 1;
    if (Locks) { goto exp_unlock } else { goto exp_object_put }
  };
exp_get:                                        \* get_file
  f_count[w] := f_count[w] + 1;
  touch_file();
  goto exp_unlock;
exp_remember:
  dma_buf := w;
  if (~Locks) { goto exp_use };
exp_unlock:
  mutex := FALSE;
  if (mine) { goto exp_use };                   \* the new wrapper keeps the reference to the object
exp_object_put:
  object_put();
exp_use:                                        \* what goes through the descriptor uses the dma-buf
  uaf := uaf \/ w \in gone;
exp_put:                                        \* close
  if (f_count[w] = 1) { died := died \cup {w} };
  touch_file();
  f_count[w] := f_count[w] - 1;
  if (f_count[w] # 0) { goto exp_handle_put };
rel_release:                                    \* ->release
  released[w] := released[w] + 1;
  if (FileFirst) { goto rel_free };
rel_lock:                                       \* dput: dma_buf_release, and from it the driver's release
  await ~mutex;
  mutex := TRUE;
rel_forget:
  if (dma_buf = w) { dma_buf := None };
rel_unlock:
  mutex := FALSE;
rel_object_put:
  object_put();
rel_dput:                                       \* kfree(dmabuf)
  gone := gone \cup {w};
  if (FileFirst) { goto exp_handle_put };
rel_free:
  freed := freed \cup {w};
  if (FileFirst) { goto rel_lock };
exp_handle_put:
  object_put();
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
TypeOK ==
  /\ mutex \in BOOLEAN /\ dma_buf \in Wrappers \cup {None}
  /\ f_count \in [Wrappers -> -1..2] /\ object \in 0..2 * Cardinality(Exporters)
  /\ exported \in 0..Cardinality(Exporters) /\ finished \in 0..1
  /\ died \subseteq Wrappers /\ freed \subseteq Wrappers /\ gone \subseteq Wrappers
  /\ released \in [Wrappers -> 0..2] /\ uaf \in BOOLEAN

Alive == {v \in Wrappers : f_count[v] > 0}

\* Of one object there is one wrapper at the most; a dying one may still be on its way out.
OneWrapper == Cardinality(Alive) <= 1

\* A count that was gone stays gone.
NoResurrect == died \cap Alive = {}

ReleasedOnce == \A v \in Wrappers : released[v] <= 1

NoUseAfterFree == ~uaf

\* While it has a wrapper the object is there.
WrapperHoldsObject == Alive # {} => finished = 0

\* Every path gave back what it took.
NothingLeft ==
  (\A t \in Exporters : pc[t] = "Done")
    => /\ dma_buf = None /\ object = 0 /\ finished = 1 /\ ~mutex
       /\ \A v \in 1..exported : f_count[v] = 0 /\ released[v] = 1 /\ v \in gone /\ v \in freed

\* Baits and witnesses: these must fail.
NeverAnother == exported <= 1
NeverShared  == \A v \in Wrappers : f_count[v] <= 1
NeverRefused == \A t \in Exporters : ~(pc[t] = "exp_get_load" /\ f_count[w[t]] = 0)

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ object' \in {2, 99} /\ finished' \in {0, 1} /\ released' \in {[v \in Wrappers |-> n] : n \in {0, 2}}
  /\ UNCHANGED <<pc, mutex, dma_buf, f_count, exported, died, freed, gone, uaf, w, seen, mine>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars
=============================================================================
