package Mail::Wire::Parameters;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(carp);

# Warnings name the line that called the client.
our @CARP_NOT = ('Net::LMTP');

use Mail::Wire::Address ();
use Scalar::Util qw(looks_like_number);

# The parameters of MAIL and RCPT (RFC 5321 4.1.1.11) from options in their Perl form. Each maker is called as a function
# of the client and the option's value, and returns the parameter, '' for none, or nothing when the value cannot be sent: the client's
# status then says why.

my %mail = (
    Size        => [ SIZE       => \&_size ],
    Return      => [ DSN        => sub { 'RET=' . (uc $_[1] eq 'FULL' ? 'FULL' : 'HDRS') } ],
    Bits        => [ undef, \&_bits ],
    Transaction => [ CHECKPOINT => sub { my $path = $_[0]->_path($_[1]); defined $path ? "TRANSID=$path" : undef } ],
    Envelope    => [ DSN        => sub { 'ENVID=' . Net::LMTP::_xtext($_[1]) } ],
    ENVID       => [ DSN        => sub { "ENVID=$_[1]" } ],
    AUTH        => [ AUTH       => sub { 'AUTH=' . (length $_[1] ? $_[1] : '<>') } ],
    XVERP       => [ XVERP      => sub { 'XVERP' } ],
    SMTPUTF8    => [ SMTPUTF8   => sub { 'SMTPUTF8' } ],
);
my %is_switch = map { $_ => 1 } qw(XVERP SMTPUTF8);
my @mail = qw(Size Return Bits Transaction Envelope ENVID AUTH XVERP SMTPUTF8);

my %recipient = (
    Notify => [ DSN => \&_notify ],
    ORcpt  => [ DSN => sub { length $_[1] ? "ORCPT=$_[1]" : '' } ],
);
my @recipient = qw(Notify ORcpt);

# ---------------------------------------------------------------- a caller's arguments

# The options of mail, behind the address: pairs of name and value, or a reference to a hash of them.
sub pairs {
    my ($method, @arguments) = @_;
    my %option = ref $arguments[-1] eq 'HASH' && @arguments % 2 ? %{ pop @arguments } : ();
    pop @arguments if @arguments % 2 and not defined $arguments[-1];
    carp "Net::LMTP::$method: an odd number of options, where names and values are due" if @arguments % 2;
    pop @arguments if @arguments % 2;
    while (my ($name, $value) = splice @arguments, 0, 2) { $option{ defined $name ? $name : '' } = $value }
    return \%option;
}

my %is_recipient_option = map { $_ => 1 } @recipient, 'SkipBad';

sub _is_name { defined $_[0] && !ref $_[0] && $_[0] =~ /\A[A-Za-z]\w*\z/ }

# Where a list's last pairs begin that have options' names; its end when it has none.
sub _first_pair {
    my (@list) = @_;
    my $at = @list;
    $at -= 2 while $at >= 2 and _is_name($list[ $at - 2 ]);
    for (; $at < @list; $at += 2) {
        return $at if $is_recipient_option{ $list[$at] };
        _is_meant('recipient', 'taken for an address', $list[$at], keys %is_recipient_option);
    }
    return scalar @list;
}

# The addresses that recipient is given, and its options: a reference to a hash at the end, or pairs as the old manual page has them. A
# reference to a list is a list of addresses.
sub recipients {
    my (@list) = @_;
    my %option = ref $list[-1] eq 'HASH' ? %{ pop @list } : ();
    my @pairs = splice @list, _first_pair(@list);
    %option = (@pairs, %option);
    return ([ map { ref eq 'ARRAY' ? @{ Mail::Wire::Client::_copied($_, 1) } : $_ } @list ], \%option);
}

# A warning where somebody means an option of ours and spells it otherwise.
sub _is_meant {
    my ($method, $what, $name, @known) = @_;
    my ($meant) = grep { lc $_ eq lc $name and $_ ne $name } @known;
    carp "Net::LMTP::$method: '$name' is $what; is the option $meant meant?" if defined $meant;
    return;
}

# ---------------------------------------------------------------- parameters

sub _size {
    my ($client, $size) = @_;
    return sprintf 'SIZE=%.0f', int $size if looks_like_number($size) and $size >= 0 and $size < 1e15;
    return $client->_refuse("Size must be a number of bytes, not '$size'");
}

sub _bits {
    my ($client, $bits, $found) = @_;
    my $eight = defined $client->supports('8BITMIME');
    my $binary = defined $client->supports('BINARYMIME') && defined $client->supports('CHUNKING');
    if ($bits eq '8') {
        return 'BODY=8BITMIME' if $eight;
        carp 'Net::LMTP::mail: 8BITMIME option not supported by host';
    }
    elsif ($bits eq 'binary') {
        $found->{binary} = $binary;
        return 'BODY=BINARYMIME' if $binary;
        carp 'Net::LMTP::mail: BINARYMIME option not supported by host';
    }
    else {
        return 'BODY=7BIT' if $eight or defined $client->supports('BINARYMIME');
        carp 'Net::LMTP::mail: 8BITMIME and BINARYMIME options not supported by host';
    }
    return '';
}

# RFC 3461 4.1: NEVER alone, or some of the others.
sub _notify {
    my ($client, $notify) = @_;
    my @when = map { defined $_ ? uc $_ : '' } ref $notify ? @$notify : split /,/, $notify;
    return '' if not @when;
    return 'NOTIFY=' . join ',', @when if "@when" eq 'NEVER' or not grep { !/\A(?:SUCCESS|FAILURE|DELAY)\z/ } @when;
    return $client->_refuse("Notify must be NEVER, or some of SUCCESS, FAILURE and DELAY, not '" . join(',', @when) . "'");
}

# " NAME=VALUE ..." for options; nothing when one cannot be sent. What else one of them means is noted in found.
sub _text {
    my ($client, $method, $known, $order, $option, $found) = @_;
    my $text = '';
    _is_meant($method, 'unknown', $_, @$order, 'SkipBad') foreach sort keys %$option;
    foreach my $name (@$order) {
        my $value = delete $option->{$name};
        next if not defined $value or $is_switch{$name} and not $value;
        return $client->_refuse("The option $name of $method is a reference")
            if ref $value and not Mail::Wire::Address::is_text($value) and not($name eq 'Notify' and ref $value eq 'ARRAY');
        my ($keyword, $make) = @{ $known->{$name} };
        if (defined $keyword and not defined $client->supports($keyword)) {
            carp "Net::LMTP::$method: $keyword option not supported by host";
            next;
        }
        my $parameter = $make->($client, $value, $found);
        return if not defined $parameter;
        utf8::encode($parameter) if $parameter =~ /[^\x00-\xff]/;

        # White space would begin another parameter, a line end another command.
        return $client->_refuse("Bad character in option $name of $method") if $parameter =~ /[\x00-\x20\x7f]/;
        $text .= " $parameter" if length $parameter;
    }
    carp "Net::LMTP::$method: unknown option(s) " . join(' ', sort keys %$option) . ' - ignored' if %$option;
    return $text;
}

sub mail_options { @mail }

# The text, and whether the content goes as it is.
sub mail {
    my ($client, $option) = @_;
    my $text = _text($client, 'mail', \%mail, \@mail, $option, \my %found);
    return ($text, $found{binary} ? 1 : 0);
}

sub recipient {
    my ($client, $option) = @_;
    return _text($client, 'recipient', \%recipient, \@recipient, $option);
}

1;
