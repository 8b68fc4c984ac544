# Old-style calls in random order against a server that keeps the truth (xt/lib/Truth/Server.pm): no call, no result says that
# mail was taken which the server did not take, none says "surely not" of mail that it took, no link crashes the client.
#
# TRUTH_LINKS is how many links to make, TRUTH_SEED the first one's number: a failure names its own.

use strict;
use warnings;

use Test::More;

use lib 't/lib', 'xt/lib';
use Net::LMTP;
use Truth::Server;

my $LINKS = $ENV{TRUTH_LINKS} || 1000;
my $CALLS = 14;
my $SHOWN = 10;
my @TRAITS = (
    '', qw(r pr n nr nrk pnr cr pcr cnr pcnrk),
    qw(s sn csr pcs), qw(x xr pcxr), qw(ce pce pcer), qw(pco po pconr)
);

my $server = Truth::Server->new;
my $first = $ENV{TRUTH_SEED} || 1;
my (%sum, @wrong);

for my $number ($first .. $first + $LINKS - 1) {
    last if @wrong >= $SHOWN;
    srand $number;
    my $traits = $TRAITS[ $number % @TRAITS ];
    my $log = run_link($number, $traits);
    push @wrong, map { "link $number ($traits): $_\n    " . join("\n    ", @{ $log->{calls} }) } judge($log, $server->truth);
}
is(scalar @wrong, 0, "$LINKS links: nothing was believed that the server did not say");
diag($_) for @wrong;
cmp_ok($sum{$_} || 0, '>', $LINKS / 20, "$_: enough of them") for qw(success failure deferral);
note(join ', ', map {"$_ $sum{$_}"} sort keys %sum);
done_testing;

# ---- a link

my ($Message, $Address);

sub run_link {
    my ($number, $traits) = @_;
    my $log = { calls => [], claims => [], content => 'none' };
    local $SIG{__WARN__} = sub { };
    local $SIG{ALRM} = sub { die "hangs\n" };
    alarm 60;
    my $lmtp = Net::LMTP->new('127.0.0.1', $server->port, Hello => "seed-$traits-$number.test", Timeout => 20);
    for (1 .. ($lmtp ? $CALLS : 0)) {
        my @calls = calls();
        my ($name, $call) = @{ $calls[ rand @calls ] };
        my $claims = @{ $log->{claims} };
        my $value = eval { $call->($lmtp, $log) };
        my @new = @{ $log->{claims} }[ $claims .. $#{ $log->{claims} } ];
        push @{ $log->{calls} }, sprintf '%s: %s%s', $name, defined $value ? $value : $@ ? "died: $@" : 'undef', join '',
            map {" [@$_[0 .. 3]]"} @new;
        push @{ $log->{claims} }, [ 'hangs', '', 0, 0, '' ] if $@ eq "hangs\n";
    }
    if ($lmtp) {
        $lmtp->close;
        claim($log, $_, undef) for $lmtp->results;
    }
    alarm 0;
    return $log;
}

# Commands, should anybody take it for that.
sub text {
    $Message++;
    return "Subject: m$Message\n\n" . "MAIL FROM:<smuggled$Message>\nRCPT TO:<smuggled$Message>\nDATA\n.x\n" x (1 + int rand 2);
}

sub address { $Address++; return "u$Address\@test" }

# What one may call: [ name, code ]. More than once: more often.
sub calls {
    return (
        (['mail', sub { $_[0]->mail('me@test') }]) x 5,
        (['to', sub { $_[0]->to(map { address() } 0 .. rand 3) }]) x 5,
        ['to, SkipBad', sub { $_[0]->to(address(), address(), { SkipBad => 1 }) }],
        (['data(TEXT)', sub { my $text = $_[1]{content} = text(); ended($_[0], $_[1], $_[0]->data($text)) }]) x 3,
        (['data, datasend, dataend', \&in_pieces]) x 3,
        ['data, unchecked', sub { $_[0]->data }],
        ['datasend', sub { $_[0]->datasend($_[1]{content} = text()) }],
        ['dataend', sub { $_[1]{content} = undef; ended($_[0], $_[1], $_[0]->dataend) }],
        (['bdat, bdatlast', \&in_chunks]) x 2,
        ['bdatlast', sub { my $text = text(); $_[1]{content} = $text; $text =~ s/\n/\r\n/g; ended($_[0], $_[1], $_[0]->bdatlast($text)) }],
        ['bdat', sub { $_[1]{content} = undef; my $text = text(); $text =~ s/\n/\r\n/g; $_[0]->bdat($text) }],
        (['reset', sub { $_[0]->reset }]) x 2,
        ['hello', sub { $_[0]->hello('again.test') }],
        ['NOOP', sub { $_[0]->command('NOOP')->response }],
        ['NOOP, unread', sub { $_[0]->command('NOOP'); 1 }],
        ['VRFY, getline', sub { $_[0]->command('VRFY', 'x'); my $line = $_[0]->getline; defined $line ? 1 : 0 }],
        ['raw MAIL', sub { $_[0]->command('MAIL', 'FROM:<raw@test>')->response }],
        ['raw RCPT', sub { $_[0]->command('RCPT', 'TO:<' . address() . '>')->response }],
        ['_RCPT', sub { $_[0]->_RCPT('TO:<' . address() . '>') }],
        ['_RSET', sub { $_[0]->_RSET }],
        ['verify', sub { $_[0]->verify('x') }],
        ['deliver', sub { delivered($_[0], $_[1]) }],
    );
}

sub in_pieces {
    my ($lmtp, $log) = @_;
    my $text = $log->{content} = text();
    $lmtp->data;
    $lmtp->datasend(substr $text, 0, 10);
    $lmtp->datasend(substr $text, 10);
    return ended($lmtp, $log, $lmtp->dataend);
}

sub in_chunks {
    my ($lmtp, $log) = @_;
    my $text = $log->{content} = text();
    $text =~ s/\n/\r\n/g;
    $lmtp->bdat(substr $text, 0, 20);
    return ended($lmtp, $log, $lmtp->bdatlast(substr $text, 20));
}

sub delivered {
    my ($lmtp, $log) = @_;
    my $text = text();
    $log->{content} = undef;
    for my $r ($lmtp->deliver(From => 'me@test', To => [ map { address() } 0 .. rand 3 ], Data => $text)) {
        claim($log, $r, $text);
    }
    return 1;
}

# The end of a message was called for: true says that the server took this content, for everybody accepted.
sub ended {
    my ($lmtp, $log, $value) = @_;
    my $content = $log->{content};
    push @{ $log->{claims} }, [ 'taken', '', $lmtp->code, 0, $content ] if $value and defined $content;
    my @all = $lmtp->data_results;
    push @{ $log->{claims} }, [ 'true with a refusal', '', 0, 0, $content ] if $value and defined $content and grep { not $_->is_success } @all;
    # What is said of a message that has not come to its end can change.
    claim($log, $_, undef) for grep { $_->is_success or $_->stage eq 'final' } $lmtp->results;
    return $value;
}

sub claim {
    my ($log, $r, $content) = @_;
    $sum{ $r->status }++;
    push @{ $log->{claims} }, [ $r->status, $r->recipient, $r->code, $r->maybe_delivered ? 1 : 0, $content ] if defined $r->code;
    return;
}

# ---- against the truth

# That nothing was delivered must hold of the last that is said of a recipient.
sub judge {
    my ($log, @told) = @_;
    my %told = map { $_->[0] => $_ } @told;
    my (@problems, %latest);
    for my $claim (@{ $log->{claims} }) {
        my ($what, $recipient, $code, $maybe, $content) = @$claim;
        if ($what eq 'taken') {
            # Behind a chunk of a call before it.
            my @about = grep { index($_->[2], $content) >= 0 } @told;
            push @problems, "true, and the server did not take it ($code)" if not @about or grep { $_->[1] != 250 } @about;
        } elsif ($what eq 'hangs' or $what eq 'true with a refusal') {
            push @problems, $what;
        } elsif ($what eq 'success') {
            my $about = $told{$recipient};
            push @problems, "success of $recipient, and the server did not say so" if not $about or $about->[1] != 250;
            push @problems, "success of $recipient with other content" if $about and defined $content and $about->[2] ne $content;
        }
        $latest{$recipient} = $claim if length $recipient;
    }
    for my $recipient (sort keys %latest) {
        my ($what, undef, $code, $maybe) = @{ $latest{$recipient} };
        next if $what eq 'success' or $maybe or not $told{$recipient};
        push @problems, "$what ($code) of $recipient, who got it" if $told{$recipient}[1] == 250;
    }
    push @problems, map {"content was run as commands: $_->[0]"} grep { $_->[0] =~ /smuggled/ } @told;
    return @problems;
}
