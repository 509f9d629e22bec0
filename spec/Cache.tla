---------------------------- MODULE Cache ----------------------------
(* Free slots in the threads' own caches when the pool ends.

   A thread gives its slot to its cache with plain stores: only it looks at
   the list there. Whoever drops the last handle has to count what is in the
   caches all the same. So a thread raises a flag before it looks whether the
   pool is closed, and lowers it when it is done with its list; the closer
   says that the pool is closed, and waits for each flag.

     1  holder: flag up; not closed; about to put its slot into the list
     2  closer: says closed; counts the cache: nothing there
     3  holder: the slot is in the list, where nobody will look for it
     4  closer: one slot is still to come back: the memory is never freed

   Each side writes one word and then reads the other's, which takes a fence
   on both sides; that the holders' is a compiler's fence only, and the
   closer's a barrier for all, is Membarrier.tla's matter.

   A cache that is full gives half of what it has to the shared list, with the
   slot that it had no room for. The thread has left its list by then, so it
   begins anew: flag up, and a look whether the pool is closed.

     1  holder: the cache is full; flag down
     2  closer: says closed; counts the cache: four slots
     3  holder: takes two of them off, and finds the shared list closed
     4  holder: three slots come back, of which two were counted

   Fix: "wait"      what the code does
        "no_wait"   the closer does not wait for the flags
        "unlooked"  who finds its cache full takes half of it without a look

   Code: impl/graceref/src/slots/cache.rs, impl/graceref/src/slots/close.rs *)
EXTENDS Integers, FiniteSets

CONSTANTS Fix, Holders, Own

ASSUME Fix \in {"wait", "no_wait", "unlooked"}
ASSUME Holders \subseteq {"holder", "holder2"} /\ Holders # {}
\* So many objects each holder drops: one, or one more than its cache has room for.
ASSUME Own \in {1, 5}

Full  == 4
All   == Cardinality(Holders) * Own
Null   == 0
Closed == -1

(*
--algorithm Cache {
variables
  count    = [s \in 1..All |-> 1];      \* the holders' objects
  handles  = 1;
  closed   = FALSE;
  newest   = 0;                         \* whose cache was made last,
  older    = [n \in 1..2 |-> 0];        \* and whose before each
  busy     = [n \in 1..2 |-> FALSE];    \* a cache's flag,
  len      = [n \in 1..2 |-> 0];        \* and how many slots it has
  fresh    = FALSE;                     \* whether the run of slots never used is closed
  first    = Null;                      \* the shared list's head
  next     = [s \in 1..All |-> Null];
  leaving  = 0;                         \* slots still to come back
  \* ghosts
  released = 0;
  freed    = 0;

define {
  RECURSIVE Listed(_)
  Listed(s) == IF s = Null THEN 0 ELSE 1 + Listed(next[s])
  Number(h) == IF h = "holder" THEN 1 ELSE 2
  Slot(h, n) == (Number(h) - 1) * Own + n
}

macro free_if_last() {
  if (leaving = 0) { freed := freed + 1 };
}

macro go_on() {
  if (nth < Own) { nth := nth + 1; goto hold_put } else { goto Done };
}

fair process (closer \in {"closer"})
variables each = 0; cached = 0; found = 0;
{
close_put:
  handles := handles - 1;
close_say:
  closed := TRUE;
close_newest:
  each := newest;
  if (each = 0) { goto close_fresh };
close_wait:
  await Fix = "no_wait" \/ ~busy[each];
close_tally:
  cached := cached + len[each];
  each   := older[each];
  if (each # 0) { goto close_wait };
close_fresh:
  fresh := TRUE;
close_swap:
  found := Listed(first);
  first := Closed;
close_count:
  leaving := leaving + (All - cached - found);
  free_if_last();
}

fair process (holder \in Holders)
variables top = 0; shut = FALSE; head = Null; nth = 1; full = FALSE; run = Null;
{
hold_put:
  count[Slot(self, nth)] := 0;
hold_release:
  released := released + 1;
  if (nth > 1) { goto hold_free_enter };
hold_free_newest:                       \* it has no cache yet
  top := newest;
hold_free_enlist:
  if (newest = top) { older[Number(self)] := top; newest := Number(self) }
  else { goto hold_free_newest };
hold_free_enter:
  busy[Number(self)] := TRUE;
hold_free_look:
  shut := closed;
  if (shut) { goto hold_free_exit };
hold_free_list:
  if (full) {                           \* the two that were given last, linked before the slot
    next[Slot(self, Full)]     := Slot(self, nth) ||
    next[Slot(self, Full - 1)] := Slot(self, Full);
    len[Number(self)] := Full - 2;
    run  := Slot(self, Full - 1);
    full := FALSE;
    if (Fix = "unlooked") { goto hold_free_head }
  } else {
    if (len[Number(self)] = Full) { full := TRUE }
    else { len[Number(self)] := len[Number(self)] + 1 }
  };
hold_free_exit:
  busy[Number(self)] := FALSE;
  if (shut \/ run # Null) { goto hold_free_head }
  else {
    if (full) { if (Fix = "unlooked") { goto hold_free_list } else { goto hold_free_enter } }
    else { go_on() }
  };
hold_free_head:
  head := first;
  if (head = Closed) { goto hold_free_leave };
hold_free_next:
  next[Slot(self, nth)] := head;
hold_free_push:
  if (first # head) { goto hold_free_head }
  else { first := IF run = Null THEN Slot(self, nth) ELSE run; go_on() };
hold_free_leave:
  leaving := leaving - (IF run = Null THEN 1 ELSE 3);
  free_if_last();
  go_on();
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Threads == {"closer"} \cup Holders

TypeOK ==
  /\ count \in [1..All -> 0..1] /\ handles \in 0..1
  /\ closed \in BOOLEAN /\ newest \in 0..2 /\ older \in [1..2 -> 0..2]
  /\ busy \in [1..2 -> BOOLEAN] /\ len \in [1..2 -> 0..Full]
  /\ fresh \in BOOLEAN /\ first \in -1..All /\ next \in [1..All -> 0..All]
  /\ leaving \in -All..All /\ released \in 0..All /\ freed \in 0..2

FreedOnce == freed <= 1

\* Nobody is about to touch memory that is gone.
NoUseAfterFree == freed > 0 => \A t \in Threads : pc[t] = "Done"

\* A list is its thread's alone, or the closer's.
NoSharedFree ==
  \A h \in Holders : ~(pc["closer"] = "close_tally" /\ each["closer"] = Number(h) /\ pc[h] = "hold_free_list")

NothingLeft ==
  (\A t \in Threads : pc[t] = "Done") => freed = 1 /\ released = All

\* Witnesses: these must fail.
NeverShut == \A h \in Holders : ~shut[h]
NeverWaits == ~(pc["closer"] = "close_wait" /\ busy[each["closer"]])
NeverLate == \A h \in Holders : pc[h] # "hold_free_push"

NeverHalved == \A h \in Holders : run[h] = Null
NeverThree == \A h \in Holders : ~(pc[h] = "hold_free_leave" /\ run[h] # Null)

\* Liveness.
Freed == <>(freed = 1)

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ count' \in {count, [s \in 1..All |-> 9]}
  /\ freed' \in {0, 1, 2} /\ released' \in {0, 2}
  /\ UNCHANGED <<pc, handles, closed, newest, older, busy, len, fresh, first, next, leaving>>
  /\ UNCHANGED <<each, cached, found, top, shut, head, nth, full, run>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars

\* Nobody promises to go on: every liveness property must fail.
SpecUnfair == Init /\ [][Next]_vars
=============================================================================
