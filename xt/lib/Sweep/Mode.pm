package Sweep::Mode;

# The sessions that are swept: protocol, way of calling, what the server offers, and the messages.
#
#   my @modes = Sweep::Mode::all();
#
# Each: name, protocol, style, keywords, messages, probe (the message that shows whether the link is usable afterwards). A message:
# name, to (local parts), data, wire (what arrives), pieces (the data as a list, for callbacks and datasend).

use strict;
use warnings;

my %offers = (none => [], P => ['PIPELINING'], C => ['CHUNKING'], PC => [ 'PIPELINING', 'CHUNKING' ]);

my %lmtp = (
    sync    => [ [ 'a', 'full' ], [ 'no', 'a', 'bad' ] ],
    deliver => [ [ 'a', 'full' ], ['a'], [ 'no', 'a', 'bad' ] ],
    submit  => [ ['a'], ['full'], [ 'no', 'a', 'bad' ], ['a'], ['a'], [ 'a', 'a' ] ],
);
my %qmtp = (
    send    => [ [ 'a', 'full' ], [ 'bad', 'a', 'a' ] ],
    deliver => [ [ 'a', 'full' ], ['a'], [ 'bad', 'a', 'a' ] ],
    submit  => [ ['a'], ['full'], ['a'], [ 'a', 'bad', 'a' ], [ 'a', 'a' ], ['a'] ],
);

# One message is more than sockets take unread, so that its end may have to stay behind.
my $bulk = ('x' x 70 . "\n") x 4_000;
my @large = (
    [ 'lmtp', 'sync', 'none' ], [ 'lmtp', 'deliver', 'P' ], [ 'lmtp', 'submit', 'PC' ],
    [ 'qmtp', 'send' ], [ 'qmtp', 'deliver' ], [ 'qmtp', 'submit' ],
);

sub all {
    my @lmtp = map { my $style = $_; map { mode('lmtp', $style, $lmtp{$style}, $_) } qw(none P C PC) } sort keys %lmtp;
    return (@lmtp, (map { mode('qmtp', $_, $qmtp{$_}) } sort keys %qmtp), map { large(@$_) } @large);
}

# Too many offsets to try them all: `offsets` says how many.
sub large {
    my ($protocol, $style, $offer) = @_;
    my $mode = mode($protocol, $style, [ ['a'], [ 'a', 'bad' ], ['a'] ], $offer);
    $mode->{name} .= ', large';
    $mode->{messages}[1] = message($protocol, 'm2', [ 'a', 'bad' ], $bulk);
    $mode->{offsets} = 20;
    return $mode;
}

sub mode {
    my ($protocol, $style, $lists, $offer) = @_;
    my $n = 0;
    my $keywords = defined $offer ? $offers{$offer} : [];
    my $kind = $style eq 'sync' && $offer =~ /C/ ? 'bdat' : $style;
    return {
        name     => join(' ', $protocol, $kind, defined $offer ? "($offer)" : ()),
        protocol => $protocol,
        style    => $kind,
        keywords => $keywords,
        fenced   => $protocol eq 'lmtp' && $style ne 'sync' && $offer =~ /P/ ? 1 : 0,
        grouped  => $protocol eq 'lmtp' && $offer =~ /P/ ? 1 : 0,
        messages => [ map { message($protocol, 'm' . ++$n, $_) } @$lists ],
        probe    => message($protocol, 'm9', ['a']),
    };
}

# The last line has no end: it gets one by LMTP.
sub message {
    my ($protocol, $name, $to, $more) = @_;
    my @pieces = ("Subject: $name\n\n..\n" . (defined $more ? $more : ''), ".dot\nend of $name");
    my $data = join '', @pieces;
    (my $wire = $protocol eq 'lmtp' ? "$data\n" : $data) =~ s/\n/\r\n/g if $protocol eq 'lmtp';
    $wire = "\n$data" if $protocol eq 'qmtp';
    return { name => $name, to => $to, data => $data, wire => $wire, pieces => \@pieces };
}

1;
