package Mail::Wire::Sender;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

BEGIN {
    eval { require Moo; require Email::Sender::Transport; require Email::Sender::Success::Partial }
        or die "The transports of Mail-Wire need Email::Sender (Debian: libemail-sender-perl): $@";
}
use Moo;
use Carp qw(croak);
use Email::Sender::Failure::Multi;
use Email::Sender::Role::HasMessage ();
use Email::Sender::Util ();
use Mail::Wire ();
use Mail::Wire::Sender::Outcome ();

our @CARP_NOT = qw(Moo::Object Method::Generate::Constructor);

# What Email::Sender's transports by LMTP and QMTP have in common. Each class brings
#
#   _dial            a new client; without one it has thrown why
#   _address         an envelope's address, as the protocol has it
#   _port_by_default undef: there is none
#   _content_word    what errors call the content's stage

# ---------------------------------------------------------------- attributes

my @SECURITY = qw(ssl starttls maybestarttls);

sub _is_host {
    croak 'hosts must be a name, an address or the path of a socket, or a reference to a list of them'
        if ref $_[0] ne 'ARRAY' or not @{ $_[0] } or grep { not defined or not length } @{ $_[0] };
    foreach my $host (grep { not m{\A/} } @{ $_[0] }) {
        croak "host '$host': the port is given by the option port" if $host =~ /\A(?:[^:]*|\[.*\]):[^:]*\z/;
    }
    return;
}

sub _is_ssl {
    croak "ssl must be one of @SECURITY, not '$_[0]'" if length $_[0] and not grep { $_ eq $_[0] } @SECURITY;
    return;
}

# Options for IO::Socket::SSL alone: a Host among them would be where mail goes.
sub _is_ssl_options {
    croak 'ssl_options must be a reference to a hash of SSL_... options' if ref $_[0] ne 'HASH';
    my @others = grep { not /\ASSL_/ } sort keys %{ $_[0] };
    croak "ssl_options has '$others[0]', which is no SSL_... option" if @others;
    return;
}

sub _is_port {
    return if not defined $_[0];
    croak "port must be a number from 1 to 65535, not '$_[0]'" if $_[0] !~ /\A[0-9]{1,5}\z/ or $_[0] < 1 or $_[0] > 65_535;
    return;
}

sub _is_seconds {
    croak "timeout must be a number of seconds, 0 (no limit) or more, not '$_[0]'" if not(Mail::Wire::_is_number($_[0]) and $_[0] >= 0);
    return;
}

has _hosts => (
    is       => 'ro',
    init_arg => 'hosts',
    isa      => \&_is_host,
    coerce   => sub { defined $_[0] && !ref $_[0] ? [ split /\s*,\s*/, $_[0] ] : $_[0] },
    default  => sub { ['localhost'] },
);
has ssl => (
    is      => 'ro',
    isa     => \&_is_ssl,
    coerce  => sub { not($_[0]) ? '' : $_[0] eq '1' ? 'ssl' : lc $_[0] },
    default => sub { '' },
);
has ssl_options => (is => 'ro', isa => \&_is_ssl_options, default => sub { {} });
has port        => (is => 'ro', isa => \&_is_port, lazy => 1, default => sub { $_[0]->_port_by_default });
has timeout     => (is => 'ro', isa => \&_is_seconds);
has localport   => (is => 'ro', isa => \&_is_port);
has [qw(sasl_username sasl_password sasl_authenticator allow_plaintext_auth helo localaddr)] => (is => 'ro');
has [qw(allow_partial_success one_by_one debug)] => (is => 'ro', default => sub { 0 });

with 'Email::Sender::Transport';

sub hosts { @{ $_[0]->_hosts } }
sub host  { $_[0]->_hosts->[0] }

# A name that is misspelt must not cost TLS. What a subclass adds has a reader as well.
around BUILDARGS => sub {
    my ($orig, $class, @given) = @_;
    my $arg = $class->$orig(@given);
    if (exists $arg->{host}) {
        croak q{give either host or hosts} if exists $arg->{hosts};
        $arg = { %$arg, hosts => [ $arg->{host} ] };
        delete $arg->{host};
    }
    delete @{$arg}{ grep { not defined $arg->{$_} } keys %$arg };
    my @unknown = grep { /\A_/ or not $class->can($_) } sort keys %$arg;
    croak "$class has no option '$unknown[0]'" if @unknown;
    return $arg;
};

sub BUILD {
    my ($self) = @_;
    croak ref($self) . ': option port is missing, and the protocol has none of its own'
        if not defined $self->port and grep { not m{\A/} } $self->hosts;
    return;
}

# For new of Net::LMTP and Net::QMTP.
sub _client_options {
    my ($self) = @_;
    return (
        Port => $self->port, Timeout => $self->timeout, Debug => $self->debug,
        LocalAddr => $self->localaddr, LocalPort => $self->localport,
        SSL => $self->ssl eq 'ssl' ? 1 : undef, $self->ssl ? %{ $self->ssl_options } : (),
    );
}

sub _throw_unconnected {
    my ($self, $why) = @_;
    my $port = defined $self->port ? ' port ' . $self->port : '';
    return $self->_failure_class('Temporary')
        ->throw({ message => sprintf 'unable to establish a connection to (%s)%s: %s', join(', ', $self->hosts), $port, $why });
}

# ---------------------------------------------------------------- sending

sub send_email {
    my ($self, $email, $env) = @_;
    my @to = grep { defined and length } @{ $env->{to} };
    $self->_failure_class('')->throw({ message => 'no valid addresses in recipient list' }) if not @to;
    my $text = $email->as_string;
    my @results = $self->_results_of({
        From => $self->_address(defined $env->{from} ? $env->{from} : ''), To => [ map { $self->_address($_) } @to ], Data => \$text,
    });
    return $self->_judged($env->{from}, [ map { [ $to[$_], $results[$_] ] } grep { $results[$_] } 0 .. $#to ], scalar @to);
}

# A link that has been idle may have ended meanwhile: nothing of the message was taken then.
sub _results_of {
    my ($self, $message) = @_;
    my ($client, $is_used) = $self->_client;
    my @results = $self->_deliver($client, $message);
    if ($is_used and not grep { not $_ or $_->code != 421 or $_->stage !~ /\A(?:connect|mail)\z/ } @results) {
        $client = $self->_dial;
        @results = $self->_deliver($client, $message);
    }
    $self->_done_with($client);
    return @results;
}

# A client, and whether it was used before.
sub _client { return ($_[0]->_dial, 0) }

sub _done_with { $_[1]->quit; return }

# A result per recipient; undef where the message was not sent because others were refused.
sub _deliver {
    my ($self, $client, $message) = @_;
    return $client->deliver(%$message) if not $self->one_by_one;
    $client->submit(%$message, To => $_) foreach @{ $message->{To} };
    return map { $client->collect->results } @{ $message->{To} };
}

# ---------------------------------------------------------------- what became of it

# outcomes: [ address, result ] of each recipient that has a result.
sub _judged {
    my ($self, $from, $outcomes, $count) = @_;
    my @refused = grep { not $_->[1]->is_success } @$outcomes;
    my $are_some = @refused < @$outcomes;
    my $message = join "\n", map { _words($_->[1]) } grep { $_->[1]->is_success } @$outcomes;
    return _with_outcome('Email::Sender::Success', 'Email::Sender::Role::HasMessage')->new({ message => $message, outcomes => $outcomes })
        if not @refused;
    $self->_failure($from, @refused)->throw if not $are_some and _are_alike(@refused);
    my $failure = $self->_failure_class('Multi')->new({
        message  => _summary($outcomes, \@refused, $count),
        failures => [ map { $self->_failure($from, $_) } @refused ],
        outcomes => $outcomes,
    });
    $failure->throw if not($are_some and $self->allow_partial_success);
    return _with_outcome('Email::Sender::Success::Partial', 'Email::Sender::Role::HasMessage')
        ->new({ message => $message, failure => $failure, outcomes => $outcomes });
}

# One recipient; or all of them were refused at once, before anything was said of each.
sub _are_alike {
    my ($first, @others) = map { $_->[1] } @_;
    return 0 if @others and $first->stage =~ /\A(?:rcpt|final)\z/;
    return !grep { $_->stage ne $first->stage or $_->code != $first->code or $_->message ne $first->message } @others;
}

sub _summary {
    my ($outcomes, $refused, $count) = @_;
    my ($accepted, $doubtful) = (@$outcomes - @$refused, scalar grep { $_->[1]->maybe_delivered } @$refused);
    return sprintf '%d of %d recipients were not accepted%s%s', scalar @$refused, $count,
        $accepted ? "; the message was delivered to the other $accepted" : @$refused < $count ? '; the message was not sent to the others' : '',
        $doubtful ? "; $doubtful of those not accepted may have it" : '';
}

# For recipients whose results say the same.
sub _failure {
    my ($self, $from, @outcomes) = @_;
    my $result = $outcomes[0][1];
    return $self->_failure_class($result->is_failure ? 'Permanent' : 'Temporary')->new({
        message    => $self->_words_of($from, $result),
        code       => $result->code,
        recipients => [ map { $_->[0] } @outcomes ],
        outcomes   => \@outcomes,
    });
}

sub _words_of {
    my ($self, $from, $result) = @_;
    my $content = $self->_content_word;
    my %where = (
        connect => 'no connection: ',
        mail    => (defined $from && length $from ? $from : '<>') . ' failed after MAIL FROM: ',
        data    => "error at $content start: ",
        body    => "error during $content: ",
        final   => "error after $content: ",
    );
    return ($where{ $result->stage } || '') . _words($result) . ($result->maybe_delivered ? ' (may have been delivered)' : '');
}

sub _words {
    my ($result) = @_;
    (my $words = $result->message) =~ s/\s+\z//;
    return length $words ? $words : 'code ' . $result->code . ', without a word';
}

sub _failure_class {
    my ($self, $kind) = @_;
    return _with_outcome('Email::Sender::Failure' . ($kind && "::$kind"));
}

sub _with_outcome { return Moo::Role->create_class_with_roles(@_, 'Mail::Wire::Sender::Outcome') }

no Moo;
1;
