package FlightServer;

# A server for tests of deliveries that keeps the truth: what it was told, what it took, and what it said to which recipient. How it
# lies is data, sent to it before each connection:
#
#   my $server = FlightServer->new;
#   $server->next(
#       keywords => [ 'PIPELINING' ],               # of LHLO
#       lies     => { 'final m1 0' => { after => ['250 one over'] } },
#       ...                                         # see below
#   );
#   my $lmtp = Net::LMTP->new($server->args, Hello => 'client.example');
#   ... deliveries, the end of $lmtp ...
#   my $truth = $server->truth;
#
# Without lies it is exact: LMTPPeer says what it decides by which name, and which points there are. Two more are "greeting", and "body m1",
# which is no reply but the moment when the first bytes of a content have come. A lie about a point:
#
#   before, after   lines to be sent with the reply
#   part            bytes sent behind it, without an end
#   instead         lines in place of it ([] for none); counts as not said to anybody, unless
#   gives           is the code that it gives the recipient. A 4xx or 5xx that is said instead is meant, too
#   mark            the parent's await(NAME) returns
#   wait            seconds before it
#   hold            as mark, but before it, and then waits for the parent's release
#   then            'close', 'reset', 'finish' (FIN, but reads on), 'hang' (reads on, says nothing more)
#
# Others: LMTPPeer's, and greeting, output (how many bytes are written before the end `ending`: close, reset or finish), input (how many are
# read before it), split (one write per byte), slow (reads nothing for so many seconds at "body"), later (keywords from the second LHLO on).
#
# With MW_TEST_TLS in the environment all of it is said in TLS, and client_options has what the client needs for that. Ends other than 'close'
# come without close_notify then.

use strict;
use warnings;

use FlightServer::Child;
use ServerProcess qw(put_frame get_frame);

our @ISA = 'ServerProcess';

BEGIN { require TLSTest if $ENV{MW_TEST_TLS} }

# The certificates are made here, once, whoever starts servers later.
my @secure = $ENV{MW_TEST_TLS} ? (SSL => 1, TLSTest::trusting()) : ();
TLSTest::tls_of('good') if @secure;

sub client_options { return @secure }

sub new {
    my ($class) = @_;
    my $self = $class->SUPER::new;
    $self->listen_on('ipv4');
    return $self->start(\&FlightServer::Child::serve);
}

sub next {
    my ($self, %how) = @_;
    put_frame($self->{control}, { secure => scalar @secure, %how }) or die 'the server is gone';
    return;
}

# Waits for a mark.
sub await {
    my ($self, $name) = @_;
    return 1 if delete $self->{passed}{$name};
    while (my $frame = get_frame($self->{control})) {
        return 1 if defined $frame->{mark} and $frame->{mark} eq $name;
        die 'the connection ended before the mark' if !defined $frame->{mark};
    }
    die 'the server is gone';
}

# Whether a mark has come.
sub passed {
    my ($self, $name) = @_;
    while (!$self->{ended}) {
        vec(my $readable = '', fileno $self->{control}, 1) = 1;
        last if select($readable, undef, undef, 0) <= 0;
        my $frame = get_frame($self->{control}) or last;
        if (defined $frame->{mark}) { $self->{passed}{ $frame->{mark} } = 1 }
        else                        { $self->{ended} = $frame }
    }
    return $self->{passed}{$name};
}

# Lets one that holds go on.
sub release { return put_frame($_[0]{control}, { release => 1 }) }

# What happened, once the connection has ended:
#   messages, problems   LMTPPeer's
#   given      point => the code that was said there
#   lines      the commands
#   cut        bytes may have been left unread
#   size       bytes read and written: { input, output }; before: those up to the first LHLO and its reply
sub truth {
    my ($self) = @_;
    delete $self->{passed};
    my $ended = delete $self->{ended};
    return $ended if $ended;
    while (my $frame = get_frame($self->{control})) {
        return $frame if !defined $frame->{mark};
    }
    die 'the server is gone';
}

1;
