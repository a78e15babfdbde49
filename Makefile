# SPDX-License-Identifier: MIT
# GNU Make; no configure, no recursion, everything below build/<san>/.
# `make help` says what there is.  A new file needs no line here: each folder
# is read with a wildcard.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

# ---- what a caller may set --------------------------------------------------

SAN     ?= plain
BUILD   ?= build
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
LIBDIR  ?= $(PREFIX)/lib
INCDIR  ?= $(PREFIX)/include
MANDIR  ?= $(PREFIX)/share/man
CFLAGS  ?= -O2 -g
V       ?= 0
WERROR  ?= 0
AR       = ar

B       := $(BUILD)/$(SAN)
VERSION := $(shell sed -n 's/^\#define SHUNT_VERSION "\(.*\)"/\1/p' \
             include/shunt/version.h 2>/dev/null)
SONAME  := libshunt.so.0

# An installed command must find its library: outside the directories that the
# loader searches by itself it carries the path.
RPATH   ?= $(if $(filter /lib /lib/% /usr/lib /usr/lib/% /usr/local/lib \
             /usr/local/lib/%,$(LIBDIR)),,$(LIBDIR))

comma := ,

# ---- one flavour per SAN ----------------------------------------------------

CC_plain := gcc
CC_asan  := gcc
CC_tsan  := clang
CC_fuzz  := clang
CC_musl  := musl-gcc
CC_cov   := gcc

SAN_plain :=
SAN_asan  := -fsanitize=address,undefined -fno-sanitize-recover=undefined \
             -fno-omit-frame-pointer
SAN_tsan  := -fsanitize=thread -fno-omit-frame-pointer
SAN_fuzz  := -fsanitize=fuzzer-no-link,address,undefined \
             -fno-sanitize-recover=undefined -fno-omit-frame-pointer
# musl's wrapper hides the kernel's headers; these links show them alone.
SAN_musl  := -idirafter $(B)/uapi
SAN_cov   := --coverage -O0

ifeq ($(filter $(SAN),plain asan tsan fuzz musl cov),)
$(error SAN=$(SAN): use plain, asan, tsan, fuzz, musl or cov)
endif
ifeq ($(origin CC),default)
CC := $(CC_$(SAN))
endif

WARN := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion \
        -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef
ifeq ($(WERROR),1)
WARN += -Werror
endif

# Empty, not 1: a file that says `#define _GNU_SOURCE` itself agrees.
ALL_CPPFLAGS = -D_GNU_SOURCE= -D_FILE_OFFSET_BITS=64 $(CPPFLAGS)
# For machines for which nobody packages cmocka, ours.
ifeq ($(CMOCKA),own)
ALL_CPPFLAGS += -Itests/prove/cmocka
endif
ALL_CFLAGS   = -std=gnu11 $(WARN) -fPIC -fno-semantic-interposition -pthread \
               $(CFLAGS) $(SAN_$(SAN))
ALL_LDFLAGS  = -pthread $(CFLAGS) $(SAN_$(SAN)) -Wl,-z,relro -Wl,-z,now \
               $(LDFLAGS)

# What is exported stands in src/libshunt.map.  nodelete: a thread may end, and
# run the library's key destructor, after a dlclose().
SO_LDFLAGS := -shared -Wl,-soname,$(SONAME) -Wl,-z,nodelete \
              -Wl,-Bsymbolic-functions -Wl,--version-script=src/libshunt.map
# A sanitizer's runtime is in the program, not in the library.
ifneq ($(filter $(SAN),plain musl cov),)
SO_LDFLAGS += -Wl,--no-undefined
endif

# `make -s` prints nothing but what is wrong.
SILENT := $(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS))))
ifeq ($(V)$(SILENT),0)
Q := @
say = @printf '  %-5s %s\n' '$(1)' '$(2)'
else
Q := $(if $(SILENT),@)
say = @:
endif

# ---- libraries of others ----------------------------------------------------

# Of the programs below, those that include a header of a library that this
# machine lacks are left out, with a note.  Only the command must have its own.
JANSSON_CFLAGS := $(shell pkg-config --cflags jansson 2>/dev/null)
JANSSON_LIBS   := $(shell pkg-config --libs jansson 2>/dev/null || \
                    echo -ljansson)

# Without it, or with NCURSES=no, watch and top print lines and no screen.
NCURSES ?= $(shell pkg-config --exists ncursesw 2>/dev/null && echo yes)
ifeq ($(NCURSES),yes)
NCURSES_CFLAGS := -DSHUNT_NCURSES \
                  $(filter -I%,$(shell pkg-config --cflags ncursesw))
NCURSES_LIBS   := $(shell pkg-config --libs ncursesw)
endif
CLI_LIBS = $(JANSSON_LIBS) $(NCURSES_LIBS) -lm

PROGRAM_SRC := $(filter-out bench/peers/%,$(wildcard tests/*/*.c bench/*.c \
                 bench/*/*.c examples/*.c examples/*/*.c))
finds  = $(if $(1),$(shell grep -l '^ *\#include <$(2)' $(1) /dev/null))
# Make 4.3 keeps the backslash of an escaped one inside of a call.
hash  := \#
exists = $(shell echo '$(hash)include <$(1)>' | \
           $(CC) $(ALL_CPPFLAGS) -E - >/dev/null 2>&1 && echo yes)

USES_CMOCKA := $(call finds,$(PROGRAM_SRC),cmocka.h)
USES_CK     := $(call finds,$(PROGRAM_SRC),ck_)
USES_JSON   := $(call finds,$(PROGRAM_SRC),jansson.h)
USES_UV     := $(call finds,$(PROGRAM_SRC),uv.h)
LACKING :=
ifneq ($(USES_CMOCKA),)
ifneq ($(call exists,cmocka.h),yes)
LACKING += $(USES_CMOCKA)
endif
endif
ifneq ($(USES_CK),)
ifneq ($(call exists,ck_ring.h),yes)
LACKING += $(USES_CK)
endif
endif
ifneq ($(USES_JSON),)
ifneq ($(call exists,jansson.h),yes)
LACKING += $(USES_JSON)
endif
endif
ifneq ($(USES_UV),)
ifneq ($(call exists,uv.h),yes)
LACKING += $(USES_UV)
endif
endif
# The suite is one program.
LACKING := $(sort $(LACKING) \
             $(if $(filter bench/suite/%,$(LACKING)),bench/bench.c))

libs_of = $(if $(filter $(1),$(if $(CMOCKA),,$(USES_CMOCKA))),-lcmocka) \
          $(if $(filter $(1),$(USES_CK)),-lck) \
          $(if $(filter $(1),$(USES_JSON)),$(JANSSON_LIBS)) \
          $(if $(filter $(1),$(USES_UV)),-luv) -lm

# ---- sources ----------------------------------------------------------------

LIB_SRC   := $(sort $(wildcard src/*/*.c))
ifeq ($(SAN),cov)
LIB_SRC   += tests/prove/common_gcov.c
endif
CLI_SRC   := $(sort $(wildcard cli/*.c))
FUZZ_SRC  := $(sort $(wildcard fuzz/*.c))
HEADERS   := $(sort $(wildcard include/shunt/*.h))
MAN       := $(sort $(wildcard man/*.[1357]))

# In a folder of programs, lib*.c and common*.c are shared by all of them;
# tests/lib/*.c by all tests.
shared    = $(filter $(1)/lib%.c $(1)/common%.c,$(wildcard $(1)/*.c))
programs  = $(filter-out $(LACKING) $(call shared,$(1)),\
              $(sort $(wildcard $(1)/*.c)))
o         = $(patsubst %.c,$(B)/%.o,$(1))
p         = $(patsubst %.c,$(B)/%,$(1))

LIB_OBJ   := $(call o,$(LIB_SRC))
CLI_OBJ   := $(call o,$(CLI_SRC))

TEST_DIRS  := $(patsubst %/,%,$(filter-out tests/lib/ tests/kill/ \
                tests/model/ tests/mutants/ tests/litmus/,$(sort \
                $(dir $(wildcard tests/*/*.c)))))
TEST_SRC   := $(foreach d,$(TEST_DIRS),$(call programs,$(d)))
TEST_BIN   := $(call p,$(TEST_SRC))
TEST_LIB   := $(call o,$(wildcard tests/lib/*.c) \
                $(if $(CMOCKA),tests/prove/cmocka/cmocka.c))

# The sweep is the engine and its cases; the self-test gives the same engine
# cases with planted faults.
KILL_SRC    := $(filter-out $(LACKING),$(sort $(wildcard tests/kill/*.c)))
KILL_CASES  := $(filter tests/kill/cases%,$(KILL_SRC))
KILL_SELF   := $(filter tests/kill/selftest%,$(KILL_SRC))
KILL_ENGINE := $(filter-out $(KILL_CASES) $(KILL_SELF),$(KILL_SRC))
KILL_BIN    := $(if $(KILL_CASES),$(B)/tests/kill/sweep) \
               $(if $(KILL_SELF),$(B)/tests/kill/selftest)

SUITE_SRC  := $(sort $(wildcard bench/suite/*.c))
BENCH_DIRS := $(patsubst %/,%,$(filter-out bench/suite/ bench/peers/,$(sort \
                $(dir $(wildcard bench/*.c bench/*/*.c)))))
BENCH_BIN  := $(call p,$(foreach d,$(BENCH_DIRS),$(call programs,$(d))))
# Peers: one program of a driver each, and the measuring of `shunt bench`.
PEERS_SRC  := $(sort $(wildcard bench/peers/*.c)) \
              $(filter cli/bench_%,$(CLI_SRC))
EX_DIRS    := $(patsubst %/,%,$(sort $(dir $(wildcard examples/*.c \
                examples/*/*.c))))
EX_BIN     := $(call p,$(foreach d,$(EX_DIRS),$(call programs,$(d))))
FUZZ_BIN   := $(call p,$(call programs,fuzz))

SO := $(B)/libshunt.so
A  := $(B)/libshunt.a

# ---- goals ------------------------------------------------------------------

.PHONY: all lib command tests unit kill bench peers demo examples fuzz musl check map clean
.PHONY: install uninstall help lacking FORCE

ifeq ($(SAN),musl)
all: lib $(B)/links
else ifeq ($(SAN),fuzz)
all: fuzz
else
all: lib command
endif

lib: $(SO) $(A)
command: lib $(if $(CLI_SRC),$(B)/shunt)
tests: command $(TEST_BIN) lacking
unit: $(filter $(B)/tests/unit/%,$(TEST_BIN)) lacking
kill: lib $(KILL_BIN) lacking
bench: command $(BENCH_BIN) lacking
peers: lib $(B)/bench/peers/peers
demo: command $(filter $(B)/bench/demo $(B)/bench/textbook/%,$(BENCH_BIN))
examples: lib $(EX_BIN) lacking
fuzz: $(FUZZ_BIN)
musl:
	$(Q)$(MAKE) --no-print-directory SAN=musl
check: tests kill bench peers examples

lacking:
	$(if $(LACKING),@for f in $(LACKING); do \
	echo "  SKIP  $$f: its library is not on this machine"; done,@:)

map:
	$(Q)tools/exports map > src/libshunt.map.new
	$(Q)mv src/libshunt.map.new src/libshunt.map

clean:
	rm -rf $(BUILD)

help:
	@sed -n 's/^#? \{0,1\}//p' Makefile

#? make                library and command, in build/plain/
#? make tests          the test programs           make kill     the kill sweep
#? make unit           the unit tests alone, which need no command
#? make bench          benchmarks and the demo     make examples
#? make peers          the benchmark of other people's ways beside ours
#? make check          all of these, compiled
#? make musl           the library with musl-gcc, linked without glibc
#? make map            src/libshunt.map anew, from the headers
#? make install        also: make uninstall, make clean
#?
#? SAN=plain           asan (with UBSan), tsan, fuzz, musl or cov: build/<san>/
#? BUILD=build         somewhere else instead of build/
#? WERROR=1 V=1        warnings are errors; show the commands
#? CC CFLAGS CPPFLAGS LDFLAGS
#? CMOCKA=own          our own in cmocka's place, where nobody packages it
#? NCURSES=no          the command without live screens (no ncursesw needed)
#? PREFIX=/usr/local   also BINDIR LIBDIR INCDIR MANDIR DESTDIR RPATH
#?
#? Tests, lints, long runs: ./dev help

# ---- how --------------------------------------------------------------------

# Objects depend on this stamp, which changes when a flag does.
FLAGS_LINE = $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(NCURSES_CFLAGS) / $(ALL_LDFLAGS) $(SO_LDFLAGS)
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(FLAGS_LINE)' | cmp -s - $@ || echo '$(FLAGS_LINE)' > $@

# And what is linked of whole folders on this one: a file may go.
$(B)/sources: FORCE
	@mkdir -p $(@D)
	@echo '$(LIB_SRC) $(CLI_SRC) $(KILL_SRC) $(SUITE_SRC)' | cmp -s - $@ || \
	    echo '$(LIB_SRC) $(CLI_SRC) $(KILL_SRC) $(SUITE_SRC)' > $@

$(B)/src/%.o:      INC = -Iinclude -Isrc
$(B)/cli/%.o:      INC = -Iinclude $(JANSSON_CFLAGS) $(NCURSES_CFLAGS)
$(B)/examples/%.o: INC = -Iinclude
$(B)/bench/%.o:    INC = -Iinclude -Isrc -Ibench
$(B)/tests/%.o:    INC = -Iinclude -Isrc -Itests
$(B)/fuzz/%.o:     INC = -Iinclude -Isrc

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(INC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(A): $(LIB_OBJ) $(B)/sources
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $(LIB_OBJ)

$(SO).$(VERSION): $(LIB_OBJ) src/libshunt.map $(B)/sources
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $(SO_LDFLAGS) -o $@ $(LIB_OBJ)

$(SO): $(SO).$(VERSION)
	$(Q)ln -sf $(notdir $<) $(B)/$(SONAME)
	$(Q)ln -sf $(SONAME) $@

LINK_SO = $(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -L$(B) -lshunt
LINK_A  = $(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(A)

# The build tree's programs find the library beside them, wherever it stands.
$(B)/shunt: $(CLI_OBJ) $(SO)
	$(call say,LD,$@)
	$(Q)$(LINK_SO) '-Wl,-rpath,$$ORIGIN' $(CLI_LIBS)

$(B)/installed/shunt: $(CLI_OBJ) $(SO) FORCE
	@mkdir -p $(@D)
	$(Q)$(LINK_SO) $(if $(RPATH),-Wl$(comma)-rpath$(comma)$(RPATH)) \
	    $(CLI_LIBS)

# Tests reach internal functions, so they have the archive.
define test_folder
$(call p,$(call programs,$(1))): $(B)/%: $(B)/%.o \
    $(call o,$(call shared,$(1))) $(TEST_LIB) $(A)
	$$(call say,LD,$$@)
	$$(Q)$$(LINK_A) $$(call libs_of,$$*.c)
endef
$(foreach d,$(TEST_DIRS),$(eval $(call test_folder,$(d))))

$(B)/tests/kill/sweep: $(call o,$(KILL_ENGINE) $(KILL_CASES)) $(TEST_LIB) $(A)
	$(call say,LD,$@)
	$(Q)$(LINK_A)

$(B)/tests/kill/selftest: $(call o,$(KILL_ENGINE) $(KILL_SELF)) $(TEST_LIB) $(A)
	$(call say,LD,$@)
	$(Q)$(LINK_A)

# Benchmarks and examples measure and show what users get: the shared library.
define user_folder
$(call p,$(call programs,$(1))): $(B)/%: $(B)/%.o \
    $(call o,$(call shared,$(1))) $(SO)
	$$(call say,LD,$$@)
	$$(Q)$$(LINK_SO) '-Wl,-rpath,$$$$ORIGIN/..:$$$$ORIGIN/../..' \
	    $$(call libs_of,$$*.c $$(if $$(filter bench/bench,$$*),$(SUITE_SRC)))
endef
$(foreach d,$(BENCH_DIRS) $(EX_DIRS),$(eval $(call user_folder,$(d))))

$(B)/bench/bench: $(call o,$(SUITE_SRC))

# Each peer is there if its library is; a driver without one says so in its
# rows.  Asked only when this program is made, and all anew when one comes.
ICEORYX    = $(lastword $(wildcard /usr/include/iceoryx/v2*))
PEERS_CXX  = $(and $(shell g++ -dumpversion 2>/dev/null),$(call \
               exists,boost/version.hpp))
PEERS_LIBS = $(if $(call exists,zmq.h),-lzmq) \
             $(if $(call exists,nng/nng.h),-lnng) \
             $(if $(call exists,ck_ring.h),-lck) \
             $(if $(call exists,qb/qbrb.h),-lqb) \
             $(if $(ICEORYX),-liceoryx_binding_c) \
             $(if $(PEERS_CXX),-lstdc++) $(JANSSON_LIBS) -lrt -lm
PEERS_INC  = -Iinclude -Icli $(if $(ICEORYX),-isystem $(ICEORYX)) \
             $(if $(PEERS_CXX),-DPEERS_HAVE_BOOST)

$(B)/bench/peers/libs: FORCE
	@mkdir -p $(@D)
	@echo '$(PEERS_INC) $(PEERS_LIBS)' | cmp -s - $@ || \
	    echo '$(PEERS_INC) $(PEERS_LIBS)' > $@

$(B)/bench/peers/%.o: INC = $(PEERS_INC)
$(call o,$(filter bench/peers/%,$(PEERS_SRC))): $(B)/bench/peers/libs

$(B)/bench/peers/boost_shim.o: bench/peers/boost_shim.cpp $(B)/bench/peers/libs
	$(call say,CXX,$<)
	$(Q)$(if $(PEERS_CXX),g++ -std=c++17 -fPIC -pthread -Wall -Wextra \
	    $(CFLAGS) -MMD -MP -c -o $@ $<,\
	    echo '' | $(CC) $(ALL_CFLAGS) -x c -c -o $@ -)

$(B)/bench/peers/peers: $(call o,$(PEERS_SRC)) \
    $(B)/bench/peers/boost_shim.o $(SO)
	$(call say,LD,$@)
	$(Q)$(LINK_SO) '-Wl,-rpath,$$ORIGIN/../..' $(PEERS_LIBS)

# What is fuzzed is the library: paths through the kernel that is played to it
# are no discoveries.
$(B)/fuzz/common%.o: SAN_fuzz += -fno-sanitize=fuzzer-no-link
$(B)/fuzz/common_compare.o: SAN_fuzz += -fno-sanitize=all -DLIBFUZZER

# Without libFuzzer they have a main() of ours; see part_coverage.
FUZZ_WRAPS := clock_gettime malloc realloc free $(foreach w,cmp4 cmp8 \
              const_cmp4 const_cmp8,__sanitizer_cov_trace_$(w))
FUZZ_MAIN := $(if $(filter fuzz,$(SAN)),,$(call o,tests/prove/common_drive.c))
$(FUZZ_BIN): $(B)/%: $(B)/%.o $(call o,$(call shared,fuzz)) $(FUZZ_MAIN) $(A)
	$(call say,LD,$@)
	$(Q)$(CC) $(subst fuzzer-no-link,fuzzer,$(ALL_LDFLAGS)) -o $@ \
	    $(FUZZ_WRAPS:%=-Wl,--wrap=%) $(filter %.o,$^) $(A)

# musl: every symbol of the library must be found in musl alone.
ifeq ($(SAN),musl)
$(LIB_OBJ) $(TEST_LIB) $(call o,$(PROGRAM_SRC)): | $(B)/uapi
$(B)/uapi:
	$(Q)mkdir -p $@
	$(Q)for d in linux asm-generic asm; do for i in /usr/include \
	    /usr/include/$$(gcc -print-multiarch); do [ ! -d $$i/$$d ] || \
	    ln -sfn $$i/$$d $@/$$d; done; done
$(B)/links: $(A) $(B)/flags
	$(call say,LD,$@)
	$(Q)echo 'int main(void) { return 0; }' | $(CC) -static -x c - -x none -o $@ \
	    -Wl,--whole-archive $(A) -Wl,--no-whole-archive -pthread
endif

# ---- install ----------------------------------------------------------------

D_BIN := $(DESTDIR)$(BINDIR)
D_LIB := $(DESTDIR)$(LIBDIR)
D_INC := $(DESTDIR)$(INCDIR)
D_MAN := $(DESTDIR)$(MANDIR)
D_COMP     := $(DESTDIR)$(PREFIX)/share/bash-completion/completions

install: lib $(if $(CLI_SRC),$(B)/installed/shunt)
	install -d $(D_BIN) $(D_LIB)/pkgconfig $(D_INC)/shunt
	$(if $(CLI_SRC),install -m 755 $(B)/installed/shunt $(D_BIN)/shunt)
	install -m 644 $(SO).$(VERSION) $(A) $(D_LIB)/
	ln -sf libshunt.so.$(VERSION) $(D_LIB)/$(SONAME)
	ln -sf $(SONAME) $(D_LIB)/libshunt.so
	install -m 644 include/shunt.h $(D_INC)/
	install -m 644 $(HEADERS) $(D_INC)/shunt/
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
	    -e 's|@INCDIR@|$(INCDIR)|' -e 's|@VERSION@|$(VERSION)|' \
	    shunt.pc.in > $(D_LIB)/pkgconfig/shunt.pc
	for m in $(MAN); do d=$(D_MAN)/man$${m##*.}; \
	    install -d $$d && install -m 644 $$m $$d/ || exit 1; done
	install -d $(D_COMP)
	install -m 644 completions/shunt.bash $(D_COMP)/shunt
	$(if $(DESTDIR),,-ldconfig 2>/dev/null)

uninstall:
	rm -f $(D_BIN)/shunt $(D_LIB)/libshunt.so.$(VERSION) $(D_LIB)/$(SONAME)
	rm -f $(D_LIB)/libshunt.so $(D_LIB)/libshunt.a
	rm -f $(D_LIB)/pkgconfig/shunt.pc $(D_INC)/shunt.h $(D_COMP)/shunt
	rm -f $(foreach h,$(HEADERS),$(D_INC)/shunt/$(notdir $(h)))
	-rmdir $(D_INC)/shunt 2>/dev/null
	rm -f $(foreach m,$(MAN),$(D_MAN)/man$(subst .,,$(suffix $(m)))/$(notdir \
	    $(m)))

-include $(patsubst %.o,%.d,$(LIB_OBJ) $(CLI_OBJ) $(TEST_LIB))
-include $(patsubst %.c,$(B)/%.d,$(PROGRAM_SRC) $(FUZZ_SRC) $(PEERS_SRC))
-include $(B)/bench/peers/boost_shim.d
