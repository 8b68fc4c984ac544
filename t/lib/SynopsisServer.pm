package SynopsisServer;

# Lets the SYNOPSIS of a manual page run as it stands: from here on, whatever server Net::LMTP and Net::QMTP
# are told to connect to, they get one of ours.

use strict;
use warnings;

use Mail::Wire::Sink;
use Net::LMTP;
use Net::QMTP;

my %sink = map { $_ => Mail::Wire::Sink->new(protocol => $_) } qw(lmtp qmtp);
my %new  = (lmtp => \&Net::LMTP::new, qmtp => \&Net::QMTP::new);

{
    no warnings 'redefine';
    *Net::LMTP::new = \&new_lmtp;
    *Net::QMTP::new = \&new_qmtp;
}

END { $_->stop for grep { defined } values %sink }

# new(HOST, [PORT,] OPTIONS) or new(OPTIONS) with Host and Port among them.
sub new_lmtp {
    my ($class, @arg) = @_;
    my $host_first = @arg && $arg[0] ne 'Host';
    shift @arg if $host_first;
    shift @arg if $host_first and @arg % 2;
    my %option = @arg;
    delete @option{qw(Host Port)};
    return $new{lmtp}->($class, $sink{lmtp}->host, $sink{lmtp}->port, %option);
}

sub new_qmtp {
    my ($class, $host, %option) = @_;
    return $new{qmtp}->($class, $sink{qmtp}->host, %option, Port => $sink{qmtp}->port);
}

1;
