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

   Fix: "wait"     what the code does
        "no_wait"  the closer does not wait for the flags

   Code: impl/graceref/src/slots/cache.rs, impl/graceref/src/slots/close.rs *)
EXTENDS Integers, FiniteSets

CONSTANTS Fix, Holders

ASSUME Fix \in {"wait", "no_wait"}
ASSUME Holders \subseteq {"holder", "holder2"} /\ Holders # {}

Null   == 0
Closed == -1

(*
--algorithm Cache {
variables
  count    = [s \in 1..Cardinality(Holders) |-> 1];     \* each holder's own object
  handles  = 1;
  closed   = FALSE;
  newest   = 0;                         \* whose cache was made last,
  older    = [n \in 1..2 |-> 0];        \* and whose before each
  busy     = [n \in 1..2 |-> FALSE];    \* a cache's flag,
  len      = [n \in 1..2 |-> 0];        \* and how many slots it has
  fresh    = FALSE;                     \* whether the run of slots never used is closed
  first    = Null;                      \* the shared list's head
  next     = [s \in 1..Cardinality(Holders) |-> Null];
  leaving  = 0;                         \* slots still to come back
  \* ghosts
  released = 0;
  freed    = 0;

define {
  Number(h) == IF h = "holder" THEN 1 ELSE 2
}

macro free_if_last() {
  if (leaving = 0) { freed := freed + 1 };
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
  found := IF first = Null THEN 0 ELSE IF next[first] = Null THEN 1 ELSE 2;
  first := Closed;
close_count:
  leaving := leaving + (Cardinality(Holders) - cached - found);
  free_if_last();
}

fair process (holder \in Holders)
variables top = 0; shut = FALSE; head = Null;
{
hold_put:
  count[Number(self)] := 0;
hold_release:
  released := released + 1;
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
  len[Number(self)] := 1;
hold_free_exit:
  busy[Number(self)] := FALSE;
  if (~shut) { goto Done };
hold_free_head:
  head := first;
  if (head = Closed) { goto hold_free_leave };
hold_free_next:
  next[Number(self)] := head;
hold_free_push:
  if (first = head) { first := Number(self); goto Done } else { goto hold_free_head };
hold_free_leave:
  leaving := leaving - 1;
  free_if_last();
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Threads == {"closer"} \cup Holders

TypeOK ==
  /\ count \in [1..Cardinality(Holders) -> 0..1] /\ handles \in 0..1
  /\ closed \in BOOLEAN /\ newest \in 0..2 /\ older \in [1..2 -> 0..2]
  /\ busy \in [1..2 -> BOOLEAN] /\ len \in [1..2 -> 0..1]
  /\ fresh \in BOOLEAN /\ first \in -1..2 /\ next \in [1..Cardinality(Holders) -> 0..2]
  /\ leaving \in -2..2 /\ released \in 0..2 /\ freed \in 0..2

FreedOnce == freed <= 1

\* Nobody is about to touch memory that is gone.
NoUseAfterFree == freed > 0 => \A t \in Threads : pc[t] = "Done"

\* A list is its thread's alone, or the closer's.
NoSharedFree ==
  \A h \in Holders : ~(pc["closer"] = "close_tally" /\ each["closer"] = Number(h) /\ pc[h] = "hold_free_list")

NothingLeft ==
  (\A t \in Threads : pc[t] = "Done") => freed = 1 /\ released = Cardinality(Holders)

\* Witnesses: these must fail.
NeverShut == \A h \in Holders : ~shut[h]
NeverWaits == ~(pc["closer"] = "close_wait" /\ busy[each["closer"]])
NeverLate == \A h \in Holders : pc[h] # "hold_free_push"

\* Liveness.
Freed == <>(freed = 1)

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ count' \in {count, [s \in 1..Cardinality(Holders) |-> 9]}
  /\ freed' \in {0, 1, 2} /\ released' \in {0, 2}
  /\ UNCHANGED <<pc, handles, closed, newest, older, busy, len, fresh, first, next, leaving>>
  /\ UNCHANGED <<each, cached, found, top, shut, head>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars

\* Nobody promises to go on: every liveness property must fail.
SpecUnfair == Init /\ [][Next]_vars
=============================================================================
