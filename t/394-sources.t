# Content that is not what it was, or not all that it should be: nobody gets a part of it. And one that is, by whatever way it goes.

use strict;
use warnings;

use File::Temp ();
use IO::Compress::Gzip qw(gzip);
use IO::Uncompress::Gunzip ();
use Test::More;

use lib 't/lib';
use Mail::Wire;
use Mail::Wire::Sink;

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
    is_refused($way, 'a packed stream that is cut', Data => gunzip($long, 5000));
    is_sent($way, 'a packed stream', $long, Data => gunzip($long, 0));
    is_refused($way, 'a folder', Data => do { open my $fh, '<', $folder or die $!; $fh }) if open my $fh, '<', $folder;
    is_sent($way, 'an object with as_string', "one\n", Data => Whole->new("one\n"));

    # What never ends, and never gives anything.
    is_refused($way, 'code that gives nothing for ever', Data => sub { '' }, Deadline => 0.2);
    is_refused($way, 'lines that are empty for ever', Data => bless([], 'EmptyLines'), Deadline => 0.2);
    pipe my $out, my $in or die $!;
    $out->blocking(0);
    is_refused($way, 'a pipe where nothing comes', Data => $out, Deadline => 0.2);

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

done_testing;
