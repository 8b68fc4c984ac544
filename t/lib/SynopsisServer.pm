package SynopsisServer;

# Lets the examples of a manual page run as they stand: from here on, whatever server Net::LMTP, Net::QMTP and pools are told to connect
# to, they get one of ours, which refuses nobody@example.org and full@example.org. Servers that the examples make themselves are left:
# sinks, and UNIX-domain sockets that are there.

use strict;
use warnings;

use Mail::Wire::Pool;
use Mail::Wire::Sink;
use Net::LMTP;
use Net::QMTP;

my %rules = (
    lmtp => { rcpt => { 'nobody@example.org' => '550 5.1.1 No such user' }, final => { 'full@example.org' => '452 4.2.2 Mailbox full' } },
    qmtp => { final => { 'nobody@example.org' => 'DNo such user', 'full@example.org' => 'ZMailbox full' } },
);
my %sink = map { $_ => Mail::Wire::Sink->new(protocol => $_, %{ $rules{$_} }) } qw(lmtp qmtp);
my %new  = (lmtp => \&Net::LMTP::new, qmtp => \&Net::QMTP::new, pool => \&Mail::Wire::Pool::new, sink => \&Mail::Wire::Sink::new);

{
    no warnings 'redefine';
    *Net::LMTP::new = \&new_lmtp;
    *Net::QMTP::new = \&new_qmtp;
    *Mail::Wire::Pool::new = \&new_pool;
    *Mail::Wire::Sink::new = \&new_sink;
}

END { $_->stop for grep { defined } values %sink }

sub messages { return map { $_->messages } @sink{qw(lmtp qmtp)} }

# Those of the examples, also for programs that they run.
sub new_sink {
    my ($class, @arg) = @_;
    my $own = $new{sink}->($class, @arg);
    $ENV{SYNOPSIS_PORTS} = join ' ', grep { defined } $ENV{SYNOPSIS_PORTS}, $own->port;
    return $own;
}

sub is_own {
    my ($host, $port) = @_;
    return defined $host && $host =~ m{\A/} && -S $host || defined $port && grep { $_ eq $port } split ' ', $ENV{SYNOPSIS_PORTS} || '';
}

sub new_lmtp {
    my ($class, @arg) = @_;
    my ($host, $port, %option) = place(@arg);
    return $new{lmtp}->($class, @arg) if is_own($host, $port);
    return $new{lmtp}->($class, $sink{lmtp}->host, $sink{lmtp}->port, %option);
}

sub new_qmtp {
    my ($class, @arg) = @_;
    my ($host, $port, %option) = place(@arg);
    return $new{qmtp}->($class, @arg) if is_own($host, $port);
    return $new{qmtp}->($class, $sink{qmtp}->host, %option, Port => $sink{qmtp}->port);
}

# Of new(HOST, [PORT,] OPTIONS), or new(OPTIONS) with Host and Port among them: host, port, and the other options.
sub place {
    my (@arg) = @_;
    my ($host, $port) = @arg && $arg[0] ne 'Host' ? shift @arg : ();
    $port = shift @arg if defined $host and @arg % 2;
    my %option = @arg;
    my ($other_host, $other_port) = delete @option{qw(Host Port)};
    # Ours have neither TLS nor a login.
    delete @option{ grep {/\A(?:SSL|(?:StartTLS|User|Password)\z)/} keys %option };
    return (defined $host ? $host : $other_host, defined $port ? $port : $other_port, %option);
}

sub new_pool {
    my ($class, $urls, %option) = @_;
    my ($url) = ref $urls ? @$urls : $urls;
    return $new{pool}->($class, $urls, %option) if is_own($url =~ m{\A\w+://(/.*)\z} ? "$1" : undef, $url =~ m{:(\d+)\z} ? "$1" : undef);
    return $new{pool}->($class, $sink{ $url =~ /\Aqmtp/ ? 'qmtp' : 'lmtp' }->url, %option);
}

1;
