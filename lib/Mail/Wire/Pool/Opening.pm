package Mail::Wire::Pool::Opening;

use 5.010001;
use strict;
use warnings;
use re 'taint';

our $VERSION = '1.000';

use Carp qw(croak);
use Mail::Wire ();
use Mail::Wire::Dial ();
use Mail::Wire::Options ();
use Mail::Wire::URL ();
use Net::LMTP ();
use Net::QMTP ();

our @CARP_NOT = ('Mail::Wire::Pool');

# A pool's link in the making: what is done for it at a time is what need not be waited for.

# Options of new of both classes that are a pool's own business, or no business of a pool's.
my %not_ours = map { $_ => 1 } qw(Host PeerAddr Port PeerPort Socket DeferConnect Blocking SSL LocalPort);

# Makes of a URL and options what begins an opening: code, so that a password is in no dump of a pool. Croaks for what cannot be used. An option
# that the class of the URL does not know is left out.
sub plan {
    my ($url, $option) = @_;
    my ($place, $wrong) = Mail::Wire::URL::parsed($url);
    croak "Mail::Wire::Pool: the URL has $wrong" if not $place;
    my $class = class_of($place);
    my %known = map { $_ => 1 } $class->_option_names;
    my %arg = map { $_ => $option->{$_} } grep { $known{$_} or /\ASSL_/ } keys %$option;
    @arg{qw(Host Port Blocking)} = (@{$place}{qw(host port)}, 0);
    $arg{SSL} = 1 if $place->{scheme} =~ /s\z/;
    return $class eq 'Net::QMTP' ? _qmtp_plan(%arg) : _lmtp_plan(%arg);
}

sub class_of { return $_[0]{scheme} =~ /\Aqmtp/ ? 'Net::QMTP' : 'Net::LMTP' }

# Whether an option is one of these classes'.
sub is_option {
    my ($name, @classes) = @_;
    return 0 if $not_ours{$name};
    return 1 if $name =~ /\ASSL_/;
    return scalar grep { $_ eq $name } map { $_->_option_names } @classes;
}

sub _lmtp_plan {
    my (%arg) = @_;
    my $set = Net::LMTP::_checked(\%arg) or croak "$@";
    croak "Net::LMTP: $@" if $set->{plan} and not Mail::Wire::TLS::fits($set->{plan}, Mail::Wire::Dial::name($arg{Host}));
    return sub {
        my %set = (%$set, who => $set->{who} ? { %{ $set->{who} } } : undef);
        my $self = bless { dial => Net::LMTP::_dial($arg{Host}, \%arg, \%set) || undef }, __PACKAGE__;
        $self->{set} = \%set;
        $self->{made} = sub {
            my ($dial, $handle) = @_;
            return Net::LMTP->_dialled($handle, $dial->family, $arg{Host}, \%arg, \%set);
        };
        return $self;
    };
}

sub _qmtp_plan {
    my (%arg) = @_;
    my $new = sub { Net::QMTP->new($arg{Host}, %arg, DeferConnect => 1) };
    $new->() or croak "$@";
    return sub {
        my $qmtp = $new->();
        my $self = bless { qmtp => $qmtp, dial => $qmtp && $qmtp->_dial || undef }, __PACKAGE__;
        return $self;
    };
}

# The client; 0: it takes time; undef: it failed, and $@ says why.
sub step {
    my ($self) = @_;
    return $self->_log_in if $self->{lmtp};
    my $dial = $self->{dial} or return undef;    ## no critic (ProhibitExplicitReturnUndef)
    if (my $qmtp = $self->{qmtp}) {
        my $is = $qmtp->_linked($dial, 0);
        return $is ? $qmtp : $is;
    }
    my $handle = $dial->handle(0);
    return $handle if not $handle;
    $self->{lmtp} = $self->{made}->($dial, $handle);
    return $self->_log_in;
}

sub _log_in {
    my ($self) = @_;
    my $is = $self->{lmtp}->_login_on($self->{set});
    return 0 if not defined $is;
    return $is ? $self->{lmtp} : undef;    ## no critic (ProhibitExplicitReturnUndef)
}

# What is waited for: descriptor, whether to write, seconds (negative: no limit).
sub fileno { return $_[0]{lmtp} ? $_[0]{lmtp}->fileno : $_[0]{dial}->fileno }

sub wants_write {
    my ($self) = @_;
    return $self->{dial}->wants_write if not $self->{lmtp};
    return $self->{set}{shake} && $self->{set}{shake}->wants eq 'write';
}

sub timeout_in {
    my ($self) = @_;
    return $self->{dial}->timeout_in if not $self->{lmtp};
    my $ends = $self->{set}{ends} or return -1;
    my $left = $ends - Mail::Wire::_now();
    return $left > 0 ? $left : 0;
}

1;
