# Mail::Wire::Pool against random servers: a few hundred of them, each with its faults, by fixed seeds. A server keeps what it said to whom, and each result
# is compared with that. Which faults bite depends on timing; what must hold does not.

use strict;
use warnings;

use Mail::Wire::Pool;
use Mail::Wire::Sink;
use Test::More;

use constant { SERVERS => 240, MESSAGES => 12 };

# The same numbers on every perl.
my $state;
sub draw {
    my ($below) = @_;
    $state = ($state * 1103515245 + 12345) % 2147483648;
    return int($state / 65536) % $below;
}

my @verdicts = ('250 ok', '250 ok', '250 ok', '452 full', '550 none', '421 closing');
my @stages   = qw(mail rcpt data final rset);

my @wrong;
for my $seed (1 .. SERVERS) {
    my @found = eval { run_one($seed) };
    push @wrong, map {"seed $seed: $_"} $@ ? "died: $@" : (), @found;
}
is_deeply(\@wrong, [], SERVERS . ' random servers: every result is what the server said') or diag join "\n", @wrong[ 0 .. ($#wrong < 20 ? $#wrong : 20) ];
done_testing;

sub faults {
    my %sink = (pipelining => draw(2), chunking => draw(2), reset => draw(2), enhanced => 0);
    my $kind = draw(8);
    if    ($kind == 0) { $sink{close_after} = 1 + draw(4) }
    elsif ($kind == 1) { $sink{close_at} = { stage => $stages[ draw(5) ], after => draw(4) } }
    elsif ($kind == 2) { $sink{close_at} = { in => 100 + draw(2500) } }
    elsif ($kind == 3) { $sink{close_at} = { out => 200 + draw(900) } }
    elsif ($kind == 4) { $sink{extra} = 1 }
    elsif ($kind == 5) { $sink{missing} = 1 }
    elsif ($kind == 6) { $sink{garbage} = { stage => $stages[ draw(5) ], after => draw(3), line => 'what is this' } }
    $sink{only_link} = 1 + draw(3) if $kind < 7 && $kind != 4 && $kind != 5 && draw(3) == 0;
    return %sink;
}

sub run_one {
    my ($seed) = @_;
    $state = $seed * 7919;
    draw(2) for 1 .. 3;
    my %verdict = map { $_ => [ map { $verdicts[ draw(6) ] } 1 .. 3 ] } 0 .. 6;
    my %asked;
    my $rule = sub {
        my ($address) = @_;
        my ($n) = $address =~ /\Ar([0-9])/;
        return $verdict{$n}[ $asked{$address}++ ] || '250 ok';
    };
    my $sink = Mail::Wire::Sink->new(faults(), draw(3) ? (final => $rule) : (rcpt => $rule));
    my $pool = Mail::Wire::Pool->new($sink->url, Links => 1 + draw(3), Window => 1 + draw(9), Retries => 2, Backoff => 0, InOrder => draw(2),
        NextReplyTimeout => 0.1, StageTimeout => { map { $_ => 0.3 } qw(mail rcpt data final rset) });
    my %to = map { my $m = $_; $m => [ map { 'r' . draw(7) . "-$m-$_\@x" } 0 .. draw(3) ] } 1 .. MESSAGES;
    my $big = 'x' x 70 . "\n";
    for my $m (1 .. MESSAGES) {
        my $lines = draw(6) ? 1 : 500;
        $pool->submit(From => "m$m\@x", To => $to{$m}, Data => "Subject: $m\n\n" . $big x $lines, Tag => $m);
    }
    my (%results, @wrong);
    while (my $delivery = $pool->collect) {
        push @wrong, 'message ' . $delivery->tag . ' has results twice' if $results{ $delivery->tag };
        $results{ $delivery->tag } = $delivery->results;
    }
    $pool->close;
    my %said;
    for my $message ($sink->messages) {
        my ($m) = $message->{from} =~ /([0-9]+)/;
        $said{$m}{ $_->{address} } .= ' ' . $_->{reply} for @{ $message->{recipients} };
    }
    push @wrong, map { judge($_, $to{$_}, $results{$_}, $said{$_} || {}) } 1 .. MESSAGES;
    return @wrong;
}

sub judge {
    my ($m, $to, $results, $said) = @_;
    return "message $m has no results" if !$results;
    return "message $m has " . @$results . ' results' if @$results != @$to;
    my @wrong;
    for my $i (0 .. $#$to) {
        my ($result, $words) = ($results->[$i], $said->{ $to->[$i] });
        $words = '' if !defined $words;
        my $accepted = () = $words =~ / 250/g;
        my @why;
        push @why, 'is out of its place' if $result->index != $i or $result->recipient ne $to->[$i];
        push @why, 'is a success that was not said' if $result->is_success and !$accepted;
        push @why, "was sent $accepted times" if $accepted > 1;
        push @why, 'was accepted, and is no success nor in doubt' if $accepted and !$result->is_success and !$result->maybe_delivered;
        push @wrong, map { "message $m, $to->[$i] $_: $result ($words)" } @why;
    }
    return @wrong;
}
