# The seam between the sessions and what carries their bytes, at random: a handle that is layered, as TLS is, gives and takes any number of octets,
# keeps some that poll does not see, and wants to be read before it writes, or the reverse. And TLS of ours, whose server writes a few octets at a
# time. All must arrive, once and whole.
#
# TRANSPORT_FUZZ in the environment is the number of rounds, TRANSPORT_SEED the first seed. A round that fails is run alone by its seed and one
# round.

use strict;
use warnings;

use Test::More;

use lib qw(t/lib xt/lib);
use Mail::Wire::Sink;
use Mail::Wire::TLS;
use Net::LMTP;
use Net::QMTP;
use TiedHandle;

{
    package Fickle;

    use Errno qw(EAGAIN);

    our @ISA = ('TiedHandle::Layer');

    sub size { return 1 + int rand 3**(1 + int rand 10) }

    # It wants nothing that may not come.
    sub wants {
        my ($self, $what, $word) = @_;
        return 0 if rand > 0.3;
        vec(my $readable = '', fileno $self->{inner}, 1) = 1;
        return 0 if $word eq 'read' and not select $readable, undef, undef, 0;
        $self->{$what} = 1;
        return $self->SUPER::wants($what, $word);
    }

    sub again { $! = EAGAIN; return rand() < 0.2 }

    sub READ {
        my ($self) = @_;
        $self->{read_size} = size();
        return &TiedHandle::Layer::READ;
    }

    sub WRITE {
        my ($self) = @_;
        $self->{write_size} = size();
        return &TiedHandle::Layer::WRITE;
    }
}

my $rounds = $ENV{TRANSPORT_FUZZ} || 400;
my $seed   = $ENV{TRANSPORT_SEED} || 1;

my %sink;
for my $protocol ('lmtp', 'qmtp') {
    $sink{$protocol} = Mail::Wire::Sink->new(protocol => $protocol);
    $sink{"$protocol, TLS"} = Mail::Wire::Sink->new(protocol => $protocol, tls => 'implicit', write_size => 5) if Mail::Wire::TLS::is_there();
}
my @kinds = sort keys %sink;

sub client {
    my ($kind) = @_;
    my ($sink, $is_tls) = ($sink{$kind}, $kind =~ /TLS/);
    my @tls = $is_tls ? (SSL => 1, SSL_ca_file => $sink->ca_file) : ();
    my $client = $kind =~ /lmtp/
        ? Net::LMTP->new($sink->host, $sink->port, Hello => 'me', @tls)
        : Net::QMTP->new($sink->host, Port => $sink->port, @tls);
    die "$kind: $@" if not $client;
    Fickle->wrap($kind =~ /lmtp/ ? $client : $client->{net_qmtp}{link}) if not $is_tls;
    return $client;
}

sub text {
    my $size = int rand 4**(1 + int rand 8);
    return join '', map { ('.', "\r\n", "\n", 'x' x rand 2000, "a line\n")[ rand 5 ] } 0 .. $size / 300;
}

# What arrives: by QMTP the text as it is.
sub wire {
    my ($kind, $text) = @_;
    return $text if $kind !~ /lmtp/;
    $text =~ s/\r?\n/\r\n/g;
    return $text =~ /\n\z|\A\z/ ? $text : "$text\r\n";
}

sub sync {
    my ($client, $text) = @_;
    $client->mail('a@x') && $client->to('b@x') && $client->data or return 0;
    while (length $text) { $client->datasend(substr $text, 0, Fickle::size(), '') or return 0 }
    return $client->dataend;
}

# What is wrong, or nothing.
sub round {
    my ($kind) = @_;
    $sink{$kind}->clear;
    my $client = client($kind);
    my (@sent, @results);
    for (0 .. rand 5) {
        my $text = text();
        push @sent, wire($kind, $text);
        my @message = (From => 'a@x', To => ['b@x'], Data => $text);
        my $how = int rand 3;
        if ($how == 0) { $client->submit(@message); next }
        while (my $done = $client->collect) { push @results, $done->results }
        if ($how == 1 or $kind =~ /qmtp/) { push @results, $client->deliver(@message) }
        else                              { return 'sync: ' . $client->message if !sync($client, $text) }
    }
    while (my $done = $client->collect) { push @results, $done->results }
    my ($bad) = grep { !$_->is_success } @results;
    return $bad->as_string if $bad;
    my @there = map { $_->{data} } $sink{$kind}->messages;
    return @there . ' arrived of ' . @sent if @there != @sent;
    my ($other) = grep { $there[$_] ne $sent[$_] } 0 .. $#sent;
    return defined $other ? "message $other is another" : ();
}

my @wrong;
for my $n ($seed .. $seed + $rounds - 1) {
    srand $n;
    my $kind = $kinds[ $n % @kinds ];
    my @problems = eval { round($kind) };
    push @wrong, map {"seed $n, $kind: $_"} @problems, $@ || ();
}
is(join("\n", @wrong), '', "$rounds rounds");
done_testing;
