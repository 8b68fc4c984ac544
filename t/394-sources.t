# Content that is not what it was, or not all that it should be: nobody gets a part of it. And one that is, by whatever way it goes.

use strict;
use warnings;

use File::Temp ();
use IO::Compress::Gzip qw(gzip);
use IO::File ();
use IO::Handle ();
use IO::Uncompress::Gunzip ();
use IO::Zlib ();
use POSIX ();
use Test::More;

use lib 't/lib';
use Mail::Wire;
use Mail::Wire::Sink;
use Mail::Wire::Source;
use MailboxTest ();

my $folder = File::Temp->newdir;
my $count = 0;

sub file {
    my ($text) = @_;
    my $path = "$folder/" . $count++;
    open my $fh, '>:raw', $path or die $!;
    print {$fh} $text or die $!;
    close $fh or die $!;
    utime 1, 1, $path or die $!;    # so that a change shows, however coarse the clock is
    return $path;
}

sub copy {
    my ($path) = @_;
    open my $fh, '<:raw', $path or die $!;
    local $/;
    return file(scalar readline $fh);
}

sub handle { open my $fh, '+<:raw', $_[0] or die $!; return $fh }

my @ways = (
    [ 'DATA',         'lmtp', chunking => 0 ],
    [ 'one at a time', 'lmtp', chunking => 0, pipelining => 0 ],
    [ 'BDAT',         'lmtp' ],
    [ 'QMTP',         'qmtp' ],
);

my %sink;

# What came of it, and what the sink has.
sub sent {
    my ($way, @source) = @_;
    my ($name, $protocol, @options) = @$way;
    my $sink = $sink{$name} ||= Mail::Wire::Sink->new(protocol => $protocol, @options);
    my $before = $sink->messages;
    my $client = Mail::Wire->connect($sink->url, $protocol eq 'lmtp' ? (Hello => 'client.example') : ()) or die $@;
    my @results = eval { $client->deliver(From => 's@x', To => [ 'a@x', 'b@x' ], @source) };
    my $died = $@;
    @results = $client->results if $died;
    my $in_flight = $client->in_flight;
    $client->quit;
    return (join(' ', map { $_->status . '-' . $_->stage . ($_->maybe_delivered ? '?' : '') } @results), $died, $in_flight,
        map { $_->{data} } grep { $before-- <= 0 } $sink->messages);
}

sub wire { my ($text) = @_; $text =~ s/\r?\n/\r\n/g; return $text }

sub is_refused {
    my ($way, $name, @source) = @_;
    my ($results, $died, $in_flight, @messages) = sent($way, @source);
    is($results, 'deferral-body deferral-body', "$name, $way->[0]");
    is($died, '', '... is a result');
    is($in_flight, 0, '... nothing is in flight');
    is(scalar @messages, 0, '... and nobody has a part of it');
}

sub is_sent {
    my ($way, $name, $text, @source) = @_;
    my ($results, $died, $in_flight, @messages) = sent($way, @source);
    is("$results$died", 'success-final success-final', "$name, $way->[0]");
    $text = wire($text) if $way->[1] eq 'lmtp';
    ok(@messages == 1 && $messages[0] eq $text, '... is what arrives') or diag length $messages[0], ' octets, not ', length $text;
}

my %size = (small => 40, large => 400_000);    # more than is read before anything is sent

# ---- files that change

my %change = (
    cut     => sub { truncate $_[0], (-s $_[0]) - 5 or die $! },
    emptied => sub { truncate $_[0], 0 or die $! },
    grown   => sub { open my $fh, '>>', $_[0] or die $!; print {$fh} "more\n" },
    changed => sub { open my $fh, '+<', $_[0] or die $!; seek $fh, -3, 2; print {$fh} 'X' },
);

for my $way (@ways) {
    for my $size (sort keys %size) {
        for my $change (sort keys %change) {
            for my $how ('File', 'Data') {
                my $path = file("0123456789abcde\n" x ($size{$size} / 16));
                my $source = $how eq 'File' ? $path : handle($path);
                # From is asked for its text when the source is taken already, and nothing is sent yet.
                my ($n, $from) = (0, bless {}, 'Late');
                no warnings 'once';
                local $Late::Code = sub { $change{$change}->($path) if !$n++; 's@x' };
                is_refused($way, "$size $how that is $change", $how => $source, ($size eq 'large' && $way->[1] eq 'lmtp')
                    ? (Progress => sub { $change{$change}->($path) if !$n++ }) : (From => $from));
            }
        }
    }
}

{ package Late; use overload '""' => sub { $Late::Code->() }, fallback => 1 }

# ---- handles that do not give all of it

{
    package Tied;
    sub TIEHANDLE { my ($class, @pieces) = @_; return bless [@pieces], $class }
    sub READ { my $next = shift @{ $_[0] }; return $next->($_[1]) if ref $next; $_[1] = defined $next ? $next : ''; return length $_[1] }
    sub FILENO { return }
    package TiedError; our @ISA = 'Tied'; sub error { 'bad block' }
    package Reader; sub new { my ($class, @pieces) = @_; return bless [@pieces], $class } sub read { &Tied::READ }
    package ReaderError; our @ISA = 'Reader'; sub error { 1 }
    package Lines; our @ISA = 'Reader'; sub read; undef *read; sub getline { shift @{ $_[0] } }
    package LinesError; sub new { &Reader::new } sub getline { &Lines::getline } sub error { -1 }
    package OnlyLines; sub new { &Reader::new } sub getline { shift @{ $_[0] } }
    package EmptyLines; sub getline { '' }
    package Whole; sub new { my ($class, $text) = @_; return bless { text => $text }, $class } sub as_string { $_[0]{text} }
}

sub tied_handle { my ($class, @pieces) = @_; my $fh = do { local *FH; \*FH }; tie *$fh, $class, @pieces; return $fh }

sub gunzip {
    my ($text, $cut) = @_;
    gzip(\$text => \my $packed) or die;
    substr($packed, -$cut) = '' if $cut;
    return IO::Uncompress::Gunzip->new(\$packed) || die;
}

# Handles on what is packed, made as most callers do: how it is packed, which class unpacks it, and by what argument.
my @unpackers = (
    (map { [ Gzip => "IO::Uncompress::$_" ] } qw(Gunzip AnyInflate AnyUncompress)),
    [ Gzip => 'IO::Zlib' ], [ Deflate => 'IO::Uncompress::Inflate' ], [ Bzip2 => 'IO::Uncompress::Bunzip2' ],
);

# undef: it does not even begin.
sub unpacking {
    my ($class, $packed) = @_;
    (my $module = "$class.pm") =~ s{::}{/}g;
    require $module;
    return $class->new($class eq 'IO::Zlib' ? (file($packed), 'rb') : \$packed);
}

# Whatever way it goes, it is read by the same code: so one way, and each place where a handle is read.
sub cut_anywhere {
    my ($way) = @_;
    my $text = "Subject: x\n\n" . join '', map {"line $_\n"} 1 .. 3;
    for my $case (@unpackers) {
        my ($how, $class) = @$case;
        my $packed = MailboxTest::packed($how, $text);
        is_sent($way, "$class, whole", $text, Data => unpacking($class, $packed));
        my @whole = grep {
            my $fh = unpacking($class, substr $packed, 0, $_);
            $fh && eval { Mail::Wire::Source->new($fh)->gather; 1 }
        } 4 .. length($packed) - 1;    # less is not known to be packed
        is_deeply(\@whole, [], "$class: cut anywhere it is no message");
        is_refused($way, "$class, an octet missing", Data => unpacking($class, substr $packed, 0, -1));
        for my $at (map { length($packed) - $_ } 1 .. 4) {
            my $damaged = $packed;
            substr($damaged, $at, 1) ^= "\x55";
            ok(!eval { Mail::Wire::Source->new(unpacking($class, $damaged))->gather; 1 }, "... its octet $at another");
        }
    }
    my $plain = IO::Zlib->new(file($text), 'rb');
    is_sent($way, 'IO::Zlib on what is not packed', $text, Data => $plain);
    return;
}

sub pipe_with {
    my ($text) = @_;
    pipe my $out, my $in or die $!;
    $in->autoflush(1);
    print {$in} $text or die $!;
    return ($out, $in);
}

sub pipes {
    my ($way) = @_;
    for my $blocks (0, 1) {
        for my $first ('', "x\n", "line\n" x 2000) {
            my $name = ($blocks ? 'a pipe that blocks, and' : 'a pipe that') . ' is silent behind ' . length($first) . ' octets';
            my ($out, $in) = pipe_with($first);
            $out->blocking($blocks);
            local $SIG{ALRM} = sub { die "the deadline does not end it\n" };
            alarm 40;
            is_refused($way, $name, Data => $out, Deadline => 0.2);
            alarm 0;
            is($out->blocking, $blocks, '... it is in the mode that it was in');
            ($out, $in) = pipe_with($first);
            close $in or die $!;
            is_sent($way, 'one that ends', $first, Data => $out, Deadline => 40) if length $first;
        }
    }
    return;
}

# By name. Whoever writes may come late.
sub fifos {
    my ($way) = @_;
    my $fifo = "$folder/fifo";
    POSIX::mkfifo($fifo, 0600) or die "$fifo: $!";
    local $SIG{ALRM} = sub { die "the deadline does not end it\n" };
    alarm 40;
    is_refused($way, 'a FIFO that nobody writes to', File => $fifo, Deadline => 0.2);
    alarm 0;
    for my $text ("late\n", "late\n" x 30_000) {
        for my $deadline ([], [ Deadline => 40 ]) {
            defined(my $pid = fork) or die $!;
            if (!$pid) {
                select undef, undef, undef, 0.2;
                open my $in, '>', $fifo or POSIX::_exit(1);
                print {$in} $text;
                close $in;
                POSIX::_exit(0);
            }
            is_sent($way, 'a FIFO that is written to late', $text, File => $fifo, @$deadline);
            waitpid $pid, 0;
        }
    }
    unlink $fifo or die $!;
    return;
}

srand 1;
my $long = join '', map { rand() . " line $_\n" } 1 .. 20_000;
my $minus = sub { -1 };
my $undef = sub { undef };
for my $way (@ways) {
    for my $pieces ([], ["one\n"], [ "one\n", 'x' x 100_000 . "\n" ]) {
        my $n = @$pieces;
        is_refused($way, "a read that is -1 behind $n pieces", Data => tied_handle(Tied => @$pieces, ($minus) x 1000));
        is_refused($way, "one that is undef behind $n", Data => tied_handle(Tied => @$pieces, $undef));
        is_refused($way, "an end with an error behind $n", Data => tied_handle(TiedError => @$pieces));
        is_refused($way, "an object's read that is -1 behind $n", Data => Reader->new(@$pieces, $minus));
        is_refused($way, "an object's read that is undef behind $n", Data => Reader->new(@$pieces, $undef));
        is_refused($way, "an object's end with an error behind $n", Data => ReaderError->new(@$pieces));
        is_refused($way, "an object's last line with an error behind $n", Data => LinesError->new(@$pieces));
        is_sent($way, "an object with read, $n", join('', @$pieces), Data => Reader->new(@$pieces)) if $n;
        is_sent($way, "an object with getline, $n", join('', @$pieces), Data => OnlyLines->new(@$pieces)) if $n;
        my ($results, $died, $in_flight, @messages) = sent($way, Data => tied_handle(Tied => @$pieces, sub { die "no tape\n" }));
        is("$results $died", "deferral-body deferral-body no tape\n", "one that dies behind $n, $way->[0]");
        is($in_flight + @messages, 0, '... nothing is left');
    }
    is_refused($way, "a packed stream, $_ octets missing", Data => gunzip($long, $_)) for 1, 8, 5000;
    is_sent($way, 'a packed stream', $long, Data => gunzip($long, 0));
    is_refused($way, 'a folder', Data => do { open my $fh, '<', $folder or die $!; $fh }) if open my $fh, '<', $folder;
    cut_anywhere($way) if $way == $ways[0];
    is_sent($way, 'an object with as_string', "one\n", Data => Whole->new("one\n"));

    # What never ends, and never gives anything.
    is_refused($way, 'code that gives nothing for ever', Data => sub { '' }, Deadline => 0.2);
    is_refused($way, 'lines that are empty for ever', Data => bless([], 'EmptyLines'), Deadline => 0.2);
    pipes($way), fifos($way) if $way == $ways[0] or $way == $ways[-1];

    # Nothing to read from.
    for my $what ('Net::LMTP', 'Net::QMTP', 'datafh') {
        my $sink = Mail::Wire::Sink->new(protocol => $what eq 'Net::QMTP' ? 'qmtp' : 'lmtp');
        my $other = Mail::Wire->connect($sink->url) or die $@;
        my $data = $what eq 'datafh' ? $other->tied_fh : $other;
        my (undef, $died) = sent($way, Data => $data);
        like($died, qr/\AData (?:must be a string|is the handle of a message)/, "a $what for Data croaks, $way->[0]");
    }
}

# ---- files that sysread and sysseek moved: what the caller's next read would give

my %moved = (
    'sysread'               => sub { sysread $_[0], my $skipped, 16 },
    'sysseek'               => sub { sysseek $_[0], 32, 0 },
    'sysseek from the end'  => sub { sysseek $_[0], -16, 2 },
    'sysseek to the end'    => sub { sysseek $_[0], 0, 2 },
    'readline'              => sub { readline $_[0] },
    'readline, then sysread' => sub { readline $_[0]; sysread $_[0], my $skipped, 16 },
    'readline, then sysseek' => sub { readline $_[0]; sysseek $_[0], 160, 0 },
    'seek'                  => sub { seek $_[0], 48, 0 },
    'sysread, then seek'    => sub { sysread $_[0], my $skipped, 64; seek $_[0], 16, 0 },
    'ungetc of what was read' => sub { $_[0]->ungetc(ord getc $_[0]) },
    'ungetc of something else' => sub { read $_[0], my $skipped, 16; $_[0]->ungetc(ord 'Z') },
    'ungetc before the first' => sub { $_[0]->ungetc(ord) for 'A' .. 'C' },
    'ungetc of more than there was' => sub { read $_[0], my $skipped, 32; $_[0]->ungetc(ord 'Q') for 1 .. 20_000 },
    'ungetc at the end'     => sub { local $/; readline $_[0]; $_[0]->ungetc(ord 'Z') },
    'sysseek, then ungetc'  => sub { sysseek $_[0], 32, 0; $_[0]->ungetc(ord 'Z') },
    'print'                 => sub { print { $_[0] } 'printed' },
    'print at the end'      => sub { seek $_[0], 0, 2; print { $_[0] } "printed\n"; seek $_[0], 0, 0 },
    'print, then seek'      => sub { print { $_[0] } 'printed'; seek $_[0], 64, 0 },
    'read to the end'       => sub { local $/; readline $_[0] },
);

for my $way (@ways) {
    for my $size (sort keys %size) {
        for my $crlf ($size eq 'small' ? "\n" : ("\n", "\r\n")) {
            my $path = file(join '', map { sprintf "%08d line$crlf", $_ } 1 .. $size{$size} / 16);
            for my $move (sort keys %moved) {
                my ($fh, $twin) = map { handle(copy($path)) } 1 .. 2;
                $moved{$move}->($_) for $fh, $twin;
                my $expected = do { local $/; readline $twin };
                $expected .= "\n" if $way->[1] eq 'lmtp' and defined $expected and $expected =~ /[^\n]\z/;
                is_sent($way, "$size, $move", defined $expected ? $expected : '', Data => $fh);
            }
        }
    }
}

# ---- stretches of a file

# A handle that has read, and where its next read is.
sub moved_handle { my $fh = handle($_[0]); readline $fh; return $fh }

my %place = (
    'a path'            => sub { $_[0] },
    'a handle'          => sub { open my $fh, '<', $_[0] or die $!; $fh },
    'one that has read' => \&moved_handle,
    'one with a layer'  => sub { open my $fh, '<:encoding(UTF-16)', $_[0] or die $!; $fh },
    'an object'         => sub { IO::File->new($_[0], '<') || die $! },
    'a glob'            => sub { open PLACE, '<', $_[0] or die $!; *PLACE },
);

for my $way (@ways) {
    for my $crlf ("\n", "\r\n") {
        my $text = join '', map { sprintf "%08d line$crlf", $_ } 1 .. 40_000;
        my $path = file($text);
        for my $place (sort keys %place) {
            for my $stretch ([ 0, 0 ], [ 15, 40 ], [ length($text) - 30, 30 ], [ 1, 65_536 ], [ 160, 65_537 ], [ 0, 300_000 ], [ 0, length $text ]) {
                my ($from, $size) = @$stretch;
                my $expected = substr $text, $from, $size;
                $expected .= $crlf if $size and $expected !~ /\n\z/ and $way->[1] eq 'lmtp';
                my $fh = $place{$place}->($path);
                my $at = ref $fh ? tell $fh : undef;
                is_sent($way, "$size octets of $place from $from on", $expected, Range => [ $fh, $from, $size ]);
                is(tell $fh, $at, '... and it stays where it is') if ref $fh;
            }
            is_refused($way, "$place that ends before", Range => [ $place{$place}->($path), length($text) - $_ + 1, $_ ]) for 40, 400_000;
        }
    }
    for my $change (sort keys %change) {
        for my $size (40, 200_000) {
            my $path = file("0123456789abcde\n" x 25_000);
            my ($n, $from) = (0, bless {}, 'Late');
            no warnings 'once';
            local $Late::Code = sub { $change{$change}->($path) if !$n++; 's@x' };
            is_refused($way, "$size octets of a path that is $change", Range => [ $path, 16, $size ], From => $from);
            ($path, $n) = (file("0123456789abcde\n" x 25_000), 0);
            is_refused($way, "$size octets of a handle that is $change", Range => [ handle($path), 16, $size ], From => $from);
            ($path, $n) = (file("0123456789abcde\n" x 25_000), 0);
            is_refused($way, "$size octets that are $change later", Range => [ $path, 16, $size ],
                Progress => sub { $change{$change}->($path) if !$n++ }) if $size > 65_536 and $way->[1] eq 'lmtp';
        }
    }
}

my $some = file('some text');
my $closed = handle($some);
close $closed;
for my $case (
    [ [ Range => [ $some, 0, 4 ], Data => 'x' ],   qr/\AData, File or Range is needed, and only one of them/ ],
    [ [ Range => [ $some, 0, 4 ], File => $some ], qr/\AData, File or Range is needed, and only one of them/ ],
    [ [ Range => $some ],                          qr/\ARange must be a reference to a list/ ],
    [ [ Range => [ $some, 0 ] ],                   qr/\ARange must be a reference to a list/ ],
    [ [ Range => [ handle($some), -1, 4 ] ],       qr/\ARange: an offset and a length are numbers of octets/ ],
    [ [ Range => [ $some, 0, undef ] ],            qr/\ARange: an offset and a length are numbers of octets/ ],
    [ [ Range => [ $some, 1.5, 1 ] ],              qr/\ARange: an offset and a length are numbers of octets/ ],
    [ [ Range => [ "$some.none", 0, 1 ] ],         qr/\Acannot read \Q$some\E\.none: / ],
    [ [ Range => [ "$some\0", 0, 1 ] ],            qr/\ARange has a name with a NUL in it/ ],
    [ [ Range => [ "$folder", 0, 1 ] ],            qr/\Acannot read \Q$folder\E: it is a directory/ ],
    [ [ Range => [ $closed, 0, 1 ] ],              qr/\ARange: the handle is not open/ ],
    [ [ Range => [ [], 0, 1 ] ],                   qr/\ARange: the handle is not open/ ],
    [ [ Range => [ tied_handle('Tied'), 0, 1 ] ],  qr/\ARange: it is no plain file/ ],
    [ [ Range => [ do { pipe my $out, my $in or die $!; $out }, 0, 1 ] ], qr/\ARange: it is no plain file/ ],
) {
    my ($source, $wanted) = @$case;
    like((sent($_, @$source))[1], $wanted, "croaks, $_->[0]: $wanted") for @ways[ 0, -1 ];
}

done_testing;
